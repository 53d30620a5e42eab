"""The command palette: the registry's actions that can be run now, found by name."""

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from syncwizard.tui.actions import Available, available


class ActionCommands(Provider):
    """What the screen under the palette offers."""

    async def discover(self) -> Hits:
        """Everything, before a word is typed."""
        for each in available(self.screen):
            run = partial(self.app.run_action, each.call, each.node)
            yield DiscoveryHit(f"{each.label}  ({each.key})", run, help=_help(each))

    async def search(self, query: str) -> Hits:
        """What the words fit."""
        matcher = self.matcher(query)
        for each in available(self.screen):
            text = f"{each.label}  ({each.key})"
            if score := max(matcher.match(text), matcher.match(each.tooltip), matcher.match(each.id)):
                run = partial(self.app.run_action, each.call, each.node)
                yield Hit(score, matcher.highlight(text), run, help=_help(each))


def _help(action: Available) -> str:
    """Its name for the key map of the settings, before what it does: the end of a long line is cut."""
    return f"{action.id} · {action.tooltip}"
