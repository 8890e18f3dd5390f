"""``python -m kashif`` is the command line."""

from kashif.cli.app import main

main()
