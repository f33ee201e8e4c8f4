"""``python -m footprint`` is the `footprint` command."""

from footprint.cli.main import main

if __name__ == "__main__":
    main()
