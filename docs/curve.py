#!/usr/bin/env python3
"""Draws docs/recall-over-seconds.svg from the table in docs/reproduce.md whose cells read "seconds: recall, ..."."""
import math
import re
from pathlib import Path

DOCS = Path(__file__).parent
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 380, 56, 44, 16, 200
SECONDS, RECALL = (8, 400), (0.05, 0.20)  # logarithmic, linear
COLOURS = ["#0b6e99", "#b2452a", "#4c7a34", "#7a4c8f", "#8a6d00"]


def x_of(seconds):
    low, high = (math.log(s) for s in SECONDS)
    return LEFT + (math.log(seconds) - low) / (high - low) * (WIDTH - LEFT - RIGHT)


def y_of(recall):
    return HEIGHT - BOTTOM - (recall - RECALL[0]) / (RECALL[1] - RECALL[0]) * (HEIGHT - BOTTOM - TOP)


def curves():
    for line in (DOCS / "reproduce.md").read_text().splitlines():
        points = [(float(s), float(r)) for s, r in re.findall(r"\b(\d+): (0\.\d+)", line)]
        if line.startswith("|") and points:
            yield line.split("|")[1].split(":")[0].strip(), points


def text(x, y, what, anchor="middle", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{what}</text>'


def main():
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
    for recall in (0.05, 0.10, 0.15, 0.20):
        y = y_of(recall)
        out += [f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>', text(LEFT - 6, y + 4, f"{recall:.2f}", "end")]
    for seconds in (10, 20, 50, 100, 200, 400):
        out += [text(x_of(seconds), HEIGHT - BOTTOM + 18, seconds)]
    out += [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "seconds of training, two threads"),
            text(14, HEIGHT / 2, "Recall@20, Gowalla, test", extra=f'transform="rotate(-90 14 {HEIGHT / 2})"')]
    labels = []
    for (name, points), colour in zip(curves(), COLOURS):
        path = "L".join(f"{x_of(s):.1f} {y_of(r):.1f}" for s, r in points)
        out += [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
        out += [f'<circle cx="{x_of(s):.1f}" cy="{y_of(r):.1f}" r="3" fill="{colour}"/>' for s, r in points]
        y = y_of(points[-1][1]) + 4
        while any(abs(y - other) < 13 for other in labels):
            y += 1
        labels.append(y)
        out += [text(x_of(points[-1][0]) + 7, y, name, "start", f'fill="{colour}"')]
    (DOCS / "recall-over-seconds.svg").write_text("\n".join(out + ["</svg>", ""]))


if __name__ == "__main__":
    main()
