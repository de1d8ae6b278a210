"""The commands: flags in, an exit code out. Everything below them is a library."""
