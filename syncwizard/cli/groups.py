"""Groups of commands that say which name was probably meant."""

import click


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
            # Imported here: no other command line needs it.
            from syncwizard.task.text import did_you_mean

            question = did_you_mean(name, known) or f"the commands are: {', '.join(known)}"
            raise click.UsageError(f"no command is called `{name}`; {question}", ctx) from error
