"""List the recipes, or print the settings of one.

    python -m train.recipe                       # all recipes, one line each
    python -m train.recipe smile-vgg19-frozen    # all its settings

A recipe is a TOML file with the settings that differ from the defaults (train/training/config.py).
`extends = "NAME"` starts from another recipe, or from a file "NAME.toml" beside this one. An
[augmentation] table lists all augmentations that are on: the others are off.
"""

from device.cli.command import Parser, exit_with
from train.training.recipe import as_toml, read_recipe, recipe_names


def main(argv: list[str] | None = None) -> None:
    parser = Parser("train.recipe", __doc__)
    parser.add_argument("name", nargs="?", metavar="RECIPE", help="a name, or a file NAME.toml")
    name = parser.parse_args(argv).name
    if name:
        print(as_toml(read_recipe(name)), end="")
        return
    width = max(map(len, recipe_names()))
    for recipe in recipe_names():
        print(f"{recipe:{width}}  {read_recipe(recipe).about}")


if __name__ == "__main__":
    exit_with(main)
