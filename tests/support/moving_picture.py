"""Pictures of the screens as one that moves: an SVG whose frames take turns by CSS, without scripts and fonts."""

import re
from collections.abc import Sequence

FONTS = 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace'
_FACES = re.compile(r"@font-face\s*\{[^}]*\}")


def moving_picture(frames: Sequence[tuple[str, float]]) -> str:
    """The frames, each a picture of the screens and the seconds it stands, one after the other, again and again.

    Where nothing moves, or the reader wants nothing to, the last one stands.
    """
    total = sum(seconds for _, seconds in frames)
    size = re.search(r'viewBox="([^"]*)"', frames[0][0])
    assert size is not None
    rules, groups, began = [], [], 0.0
    for number, (picture, seconds) in enumerate(frames):
        start, end = 100 * began / total, 100 * (began + seconds) / total
        began += seconds
        # Hidden from the start until its time, but for the first.
        before = f"0% {{ visibility: hidden }} {start:.3f}%" if number else "0%"
        rules.append(
            f"@keyframes f{number} {{ {before} {{ visibility: visible }} {end:.3f}%, 100% {{ visibility: hidden }} }}\n"
            f".f{number} {{ animation: f{number} {total:g}s step-end infinite }}"
        )
        hidden = "" if number + 1 == len(frames) else ' visibility="hidden"'
        groups.append(f'<g class="frame f{number}"{hidden}>\n{_lean(picture)}\n</g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size[1]}">\n<style>\n'
        + "\n".join(rules)
        + "\n@media (prefers-reduced-motion: reduce) { .frame { animation: none } }\n</style>\n"
        + "\n".join(groups)
        + "\n</svg>\n"
    )


def _lean(picture: str) -> str:
    """One picture without what is the same in all, and with the viewer's own font."""
    lean = _FACES.sub("", picture).replace("font-family: Fira Code, monospace;", f"font-family: {FONTS};")
    lean = re.sub(r"<!--.*?-->", "", lean, flags=re.DOTALL)
    return "\n".join(line.strip() for line in lean.splitlines() if line.strip())
