"""Groups of commands that say which name was probably meant."""

import click

from syncwizard.task.nearest import suggestion


class SuggestingGroup(click.Group):
    """Names the nearest command where there is none of the given name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it, with the suggestion in the error."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            name, known = click.utils.make_str(args[0]), self.list_commands(ctx)
            question = suggestion(name, known, f"the commands are: {', '.join(known)}")
            raise click.UsageError(f"no command is called `{name}`; {question}", ctx) from error
