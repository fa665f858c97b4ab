"""A table as LaTeX's package booktabs sets it."""

from __future__ import annotations

import numbers
import re

import pandas as pd

from neutral.errors import one_line

LONG = 50
"""Most rows of a table that stands on one page; more become a longtable."""

_MEANING = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
    "−": "$-$",
    "×": r"$\times$",
    "÷": r"$\div$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "φ": r"$\varphi$",
    "°": r"$^\circ$",
    "·": r"$\cdot$",
    "–": "--",
    "…": r"\ldots{}",
}
_MARKS = re.compile("|".join(map(re.escape, _MEANING)))
# What pdfLaTeX sets without further packages: Latin letters, and marks of typography.
_OTHER_SCRIPT = re.compile(r"[^\u0000-\u024f\u1e00-\u1eff\u2000-\u206f\u20ac]")


def escaped(text: object) -> str:
    r"""Return a text as LaTeX sets it as it is written: a name from outside is no command. It is one line.

    >>> print(escaped("50 % of $x_1$ & \\input{a}"))
    50 \% of \$x\_1\$ \& \textbackslash{}input\{a\}
    """
    return _MARKS.sub(lambda match: _MEANING[match[0]], " ".join(one_line(text).split()))


def booktabs(table: pd.DataFrame, caption: str = "", *, digits: int = 4) -> str:
    r"""Return a table for `\usepackage{booktabs}`, numbers at the right with so many digits, — for what is not known.

    More than `LONG` rows are a `longtable`. Names in scripts that pdfLaTeX lacks stay as they are, and a comment says
    what sets them.
    """
    numeric = [pd.api.types.is_numeric_dtype(table[column]) for column in table]
    columns = "".join("r" if number else "l" for number in numeric)
    head = " & ".join(escaped(column) for column in table.columns)
    rows = [" & ".join(_cell(value, digits) for value in row) for row in table.itertuples(index=False, name=None)]
    body = [r"\toprule", f"{head} \\\\", r"\midrule", *(f"{row} \\\\" for row in rows), r"\bottomrule"]
    told = f"\\caption{{{escaped(caption)}}}"
    if len(table) > LONG:
        first = body[:3]
        lines = [f"\\begin{{longtable}}{{{columns}}}", *([f"{told} \\\\"] if caption else []), *first]
        lines += [r"\endhead", *body[3:], r"\end{longtable}"]
    else:
        lines = [r"\begin{table}", r"\centering", *([told] if caption else [])]
        lines += [f"\\begin{{tabular}}{{{columns}}}", *body, r"\end{tabular}", r"\end{table}"]
    packages = "booktabs, longtable" if len(table) > LONG else "booktabs"
    notes = [f"% packages: {packages}"]
    if _OTHER_SCRIPT.search(_MARKS.sub("", "".join(lines))):
        notes.append("% set with LuaLaTeX or XeLaTeX and a font that has the scripts of these names")
    return "\n".join([*notes, *lines, ""])


def _cell(value: object, digits: int) -> str:
    if value is None or value is pd.NA or value != value:
        return "--"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return escaped(value)
    if isinstance(value, numbers.Integral):
        return f"${value}$" if value < 0 else str(value)
    if abs(value) == float("inf"):
        return r"$\infty$" if value > 0 else r"$-\infty$"
    text = f"{value:.{digits}f}"
    if float(text) == 0 and value != 0:  # a p-value, say
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"${mantissa}\\cdot 10^{{{int(exponent)}}}$"
    return f"${text}$" if text.startswith("-") else text
