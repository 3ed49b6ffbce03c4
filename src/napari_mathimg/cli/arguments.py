"""The arguments of `mathimg`. Nothing heavy is imported here, so that help is there at once."""

import argparse
from typing import Any

from .. import __version__

CODES = "Exit codes: 0 done, 1 the run failed, 2 wrong arguments or input (nothing was written), 130 interrupted."
RECIPE = "a recipe (TOML), or a result that holds the record of its steps"
FILES = ".npy, .ome.zarr, .ome.tif, .tif, .png, .jpg"


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

    apply = verbs.add_parser("apply", help="apply an operation to a file", epilog=CODES)
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

    run = verbs.add_parser("run", help="run a recipe on a file", epilog=CODES)
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
    parser.add_argument("file", metavar="IN", help=f"the image: {FILES}")
    parser.add_argument("-o", "--output", required=True, metavar="OUT", help=f"the result: {FILES}")
    _add_reading(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists, once the result is whole")
    parser.add_argument("--imagej", action="store_true", help="write a TIFF file as ImageJ does, not as OME-TIFF")
    parser.add_argument("--levels", type=int, metavar="N", help="levels of OME-Zarr, or of an OME-TIFF file (1)")
    parser.add_argument("--threads", type=int, help="number of threads; all cores by default")
    parser.add_argument("--quiet", action="store_true", help="show no progress and tell nothing but errors")


def _verb(module: str, function: str) -> Any:
    """Return a function that imports the module of a verb when it is called."""

    def run(given: argparse.Namespace) -> None:
        from importlib import import_module

        getattr(import_module(f"{__package__}.{module}"), function)(given)

    return run
