"""`python -m services.local`: the two commands of this package without the rest of the client."""

import click

from services.local.commands import rehearse, up


@click.group()
def main() -> None:
    """Run Leeward on one machine."""


main.add_command(up)
main.add_command(rehearse)

if __name__ == "__main__":
    main(prog_name="leeward")
