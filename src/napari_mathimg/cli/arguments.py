"""The arguments of `mathimg`. Nothing heavy is imported here, so that help is there at once."""

import argparse
from typing import Any

from .. import __version__

CODES = (
    "Exit codes: 0 all done, 1 some failed, 2 wrong arguments or input (nothing was written), 130 interrupted (what is"
    " done stays, and the same command goes on)."
)
RECIPE = "a recipe (TOML), or a result that holds the record of its steps"
FILES = ".npy, .ome.tif, .ome.zarr, .tif, .png, .jpg"
KINDS = ("ome.tif", "ome.zarr", "tif", "npy", "png", "jpg")


def parser_of() -> argparse.ArgumentParser:
    """Return the parser, whose result has the function of the verb as `verb`."""
    parser = argparse.ArgumentParser(
        "mathimg", description="Mathematical imaging on files: operations and recipes, with axes, pixel sizes, units "
        "and the record of steps.", epilog=CODES,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"mathimg {__version__}")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    ops = verbs.add_parser("ops", help="list the operations, or explain one")
    ops.add_argument("name", nargs="?", metavar="NAME", help="id of an operation, such as gaussian")
    ops.add_argument("--json", action="store_true", help="as JSON; parameters as a JSON schema")
    ops.set_defaults(verb=_verb("show", "operations"))

    info = verbs.add_parser("info", help="tell axes, pixel sizes, units, names and the record of a file")
    info.add_argument("file", metavar="FILE")
    info.add_argument("--json", action="store_true", help="as JSON")
    _add_reading(info)
    info.set_defaults(verb=_verb("show", "file_info"))

    apply = verbs.add_parser("apply", help="apply an operation to files", epilog=CODES)
    apply.add_argument("operation", metavar="OPERATION", help="id of an operation; `mathimg ops` lists them")
    _add_run(apply)
    apply.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="values",
        help="a parameter, such as sigma=1.5, sigma=0.3um, sigma=0.6,0.3,0.3um, or mode=reflect; may be repeated",
    )  # fmt: skip
    apply.add_argument(
        "--image", action="append", default=[], metavar="NAME=FILE", dest="images",
        help="a further image of the operation, such as psf=psf.tif; may be repeated",
    )  # fmt: skip
    apply.add_argument("--axes", help="axes of an item by name or index, such as z,y,x; the last --ndim by default")
    apply.add_argument("--ndim", type=int, help="number of axes of an item: 2 for planes (default), 3 for volumes")
    apply.add_argument(
        "--value-range", metavar="RANGE", help="data (default), dtype, LOW,HIGH, or percentiles,LOW,HIGH"
    )
    apply.add_argument("--dtype", choices=("auto", "same", "float32"), help="type of the result; auto by default")
    apply.add_argument("--channel-axis", metavar="N", help="axis of colors; that of the file by default")
    apply.add_argument(
        "--scope",
        action="append",
        default=[],
        metavar="AXIS=PART",
        help="a part of a stack: t=3, or c=0:2; may be repeated",
    )
    apply.add_argument("--statistics", choices=("layer", "item", "channel"), help="what statistics are of")
    apply.add_argument("--level", type=int, default=0, help="level of a pyramid; 0 is the finest")
    apply.set_defaults(verb=_verb("running", "apply_operation"))

    run = verbs.add_parser("run", help="run a recipe on files", epilog=CODES)
    run.add_argument("recipe", metavar="RECIPE", help=RECIPE)
    _add_run(run)
    run.add_argument(
        "--input", action="append", default=[], metavar="NAME=FILE", dest="images",
        help="a further image that the recipe names as an input; may be repeated",
    )  # fmt: skip
    run.set_defaults(verb=_verb("running", "run_recipe"))

    validate = verbs.add_parser("validate", help="check a recipe, and list its steps")
    validate.add_argument("recipe", metavar="RECIPE")
    validate.set_defaults(verb=_verb("recipes", "validate"))

    verify = verbs.add_parser("verify", help="compute a result, or some of its shards, again, and compare the bits")
    verify.add_argument("file", metavar="RESULT", help="a result that holds the record of its steps")
    verify.add_argument(
        "--source", metavar="IN", help="the image that it was made of; by default the one in the journal beside it"
    )
    verify.add_argument(
        "--input", action="append", default=[], metavar="NAME=FILE", dest="images",
        help="a further image of its steps; may be repeated",
    )  # fmt: skip
    verify.add_argument(
        "--shards",
        type=int,
        metavar="N",
        help="number of random shards; by default all pixels, or 3 shards of what is larger than memory",
    )
    verify.add_argument("--seed", type=int, default=0, help="seed that chooses the shards")
    verify.add_argument("--threads", type=int, help="number of threads; all cores by default")
    _add_reading(verify)
    verify.set_defaults(verb=_verb("verifying", "verify"))

    export = verbs.add_parser("export", help="write a recipe in another form")
    export.add_argument("recipe", metavar="RECIPE", help=RECIPE)
    form = export.add_mutually_exclusive_group(required=True)
    for name, words in (
        ("python", "a Python script that gives the same pixels"), ("command", "commands that do"),
        ("methods", "a paragraph for the methods section of a paper"), ("toml", "a recipe"),
    ):  # fmt: skip
        form.add_argument(f"--{name}", action="store_const", const=name, dest="form", help=words)
    export.add_argument(
        "--file", metavar="FILE", help="the image: its pixel sizes, axes and channels, which a script may need to know"
    )
    export.set_defaults(verb=_verb("recipes", "export"))
    return parser


def _add_reading(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--series", type=int, default=0, help="number of the image in a file of several ones, from 0")
    parser.add_argument("--axis-names", metavar="NAMES", help="names of the axes instead of the file's, such as t,y,x")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="+", metavar="IN",
        help=f"images ({FILES} and more), folders that hold some, or patterns such as 'raw/*.tif'",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT",
        help=f"a file for one image ({FILES}), a folder, or a name pattern such as 'out/{{stem}}_{{recipe}}.ome.tif';"
        " its fields are {name}, {stem}, {ending}, {folder}, {below}, {number:04} and {recipe}",
    )  # fmt: skip
    _add_reading(parser)
    parser.add_argument("--recursive", action="store_true", help="search the folders in a folder, too")
    parser.add_argument("--format", choices=KINDS, help="kind of the results, for a folder or a pattern without ending")
    parser.add_argument("--imagej", action="store_true", help="write TIFF files as ImageJ does, not as OME-TIFF")
    parser.add_argument("--levels", type=int, metavar="N", help="levels of OME-TIFF or OME-Zarr files")
    parser.add_argument("--zarr-version", choices=("0.4", "0.5"), default="0.5", help="version of OME-Zarr files")
    parser.add_argument(
        "--shard-shape", metavar="LENGTHS",
        help="lengths of the shards of OME-Zarr files along their axes, such as 64,512,512; 32 to 64 MiB by default",
    )  # fmt: skip
    parser.add_argument(
        "--cuts", default="auto", metavar="CUTS",
        help="where steps on images larger than memory are cut by writing what lies before them: auto, none, or numbers"
        " of steps from 0, such as 2,5; the bits do not depend on it",
    )  # fmt: skip
    parser.add_argument("--threads", type=int, help="number of threads in all; all cores by default")
    parser.add_argument("--quiet", action="store_true", help="show no progress and tell nothing but errors")
    many = parser.add_argument_group(
        "many files", "A finished result of the same recipe and source is never computed again, unless by --restart."
    )
    many.add_argument(
        "--on-exists", choices=("fail", "skip", "overwrite"),
        help="what to do where another file is in the place of a result: refuse to begin (default), leave it out, or"
        " replace it once the result is whole",
    )  # fmt: skip
    many.add_argument("--overwrite", action="store_true", help="the same as --on-exists overwrite")
    many.add_argument(
        "--resume", action="store_true", help="go on with a run; the same command does so without it, too"
    )
    many.add_argument("--restart", action="store_true", help="compute everything again")
    many.add_argument("--keep-going", action="store_true", help="go on with the other files when one fails")
    many.add_argument("--dry-run", action="store_true", help="tell what would be read, written and needed; do nothing")
    many.add_argument("--report", metavar="FILE", help="write what became of each file to a .csv or .json file")
    many.add_argument("--workers", type=int, metavar="N", help="files at a time; the faster choice by default")
    many.add_argument("--memory", metavar="BYTES", help="memory to take, such as 8GB; by default most of what is free")
    many.add_argument(
        "--scheduler", metavar="ADDRESS",
        help="run on a dask cluster: the address of its scheduler, or 'local' for one on this machine",
    )  # fmt: skip
    many.add_argument(
        "--insecure-scheduler", action="store_true",
        help="allow a scheduler on another machine without TLS. A scheduler unpickles, and so runs, whatever anybody"
        " who can reach it sends: use this in a network that you trust only",
    )  # fmt: skip


def _verb(module: str, function: str) -> Any:
    """Return a function that imports the module of a verb when it is called."""

    def run(given: argparse.Namespace) -> Any:
        from importlib import import_module

        return getattr(import_module(f"{__package__}.{module}"), function)(given)

    return run
