"""The command palette: the registry's actions that can be run now, found by name."""

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from syncwizard.tui.actions import available


class ActionCommands(Provider):
    """What the screen under the palette offers."""

    async def discover(self) -> Hits:
        """Everything, before a word is typed."""
        for each in available(self.screen):
            run = partial(self.app.run_action, each.call, each.node)
            yield DiscoveryHit(f"{each.label}  ({each.key})", run, help=each.tooltip)

    async def search(self, query: str) -> Hits:
        """What the words fit."""
        matcher = self.matcher(query)
        for each in available(self.screen):
            text = f"{each.label}  ({each.key})"
            if score := max(matcher.match(text), matcher.match(each.tooltip)):
                run = partial(self.app.run_action, each.call, each.node)
                yield Hit(score, matcher.highlight(text), run, help=each.tooltip)
