"""List the recipes, or print the settings of one.

    python -m train.recipe                       # all recipes, one line each
    python -m train.recipe smile-vgg19-frozen    # all its settings, as TOML
    python -m train.recipe --markdown > docs/training-settings.md

A recipe is a TOML file with the settings that differ from the defaults (train/training/config.py).
`extends = "NAME"` starts from another recipe, or from a file "NAME.toml" beside this one. An
[augmentation] table lists all augmentations that are on: the others are off.
"""

from device.cli.command import Parser, exit_with
from train.training.recipe import as_toml, markdown, read_recipe, recipe_names


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.recipe", __doc__)
    parser.add_argument("name", nargs="?", metavar="RECIPE", help="a name, or a file NAME.toml")
    parser.add_argument("--markdown", action="store_true", help="print docs/training-settings.md")
    options = parser.parse_args(argv)
    if options.markdown:
        print(markdown(), end="")
        return
    if options.name:
        print(as_toml(read_recipe(options.name)), end="")
        return
    width = max(map(len, recipe_names()))
    for recipe in recipe_names():
        print(f"{recipe:{width}}  {read_recipe(recipe).about}")


if __name__ == "__main__":
    exit_with(main)
