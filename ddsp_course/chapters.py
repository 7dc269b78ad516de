"""The chapters of the two videos, and a player that opens at one of them.

README, notebooks and tests all read the list in assets/chapters.yml.
"""

import html

from ddsp_course import _paths
from ddsp_course.errors import CourseError


def videos():
    """Return {lesson: {"youtube": id, "title": text, "chapters": {second: title}}}."""
    import yaml

    listed = yaml.safe_load((_paths.ASSETS / "chapters.yml").read_text("utf-8"))["videos"]
    return {
        video["lesson"]: {
            "youtube": video["youtube"],
            "title": video["title"],
            "chapters": {chapter["start"]: chapter["title"] for chapter in video["chapters"]},
        }
        for video in listed
    }


def link(lesson, start):
    """Return (title, address) of a chapter.

    Args:
      lesson: "01" or "02".
      start: second at which the chapter begins.

    Raises:
      CourseError: no chapter begins there.
    """
    video = videos().get(lesson)
    if video is None or start not in video["chapters"]:
        raise CourseError(
            f"No chapter of lesson {lesson} begins at second {start}: see assets/chapters.yml."
        )
    return video["chapters"][start], f"https://youtu.be/{video['youtube']}?t={start}"


def show(lesson, start):
    """Show a folded player that opens the video at a chapter.

    Nothing is fetched until it is unfolded, so it renders without a network too.

    Args:
      lesson, start: as in `link`.

    Raises:
      CourseError: no chapter begins there.
    """
    from IPython.display import display

    title, address = link(lesson, start)
    player = f"https://www.youtube-nocookie.com/embed/{videos()[lesson]['youtube']}?start={start}"
    title, time = html.escape(title), f"{start // 60}:{start % 60:02d}"
    # YouTube answers pages that send no Referer with "Error 153".
    frame = (
        f'<iframe width="560" height="315" style="max-width: 100%" loading="lazy" title="{title}" '
        f'src="{player}" referrerpolicy="strict-origin-when-cross-origin" allowfullscreen></iframe>'
    )
    display(
        {
            "text/html": f'<details><summary>Watch from {time}: <a href="{address}" '
            f'target="_blank">{title}</a></summary>{frame}<div>If the box stays empty, YouTube '
            "cannot be reached from here. The notebook works without it.</div></details>",
            "text/plain": f"[{title}, {time}: {address}]",
        },
        raw=True,
    )
