"""The lazy layers of a viewer: added, followed, computed ahead, and turned into pixels."""
