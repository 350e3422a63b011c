"""`python -m storehand.cli`: the same as the console script `storehand`."""

from storehand.cli import main

main()
