"""Writes an operation as one Python file that anybody can run again outside KIMERA."""

from __future__ import annotations

import json

from functions.ds_star.libraries import libraries
from shared.documents import JsonMap

OPERATION_MARK = "# --- the operation ---\n\n"
"""What stands before it is only the operation's library."""

_HEAD = '''#!/usr/bin/env python3
"""{title}

Written by KIMERA; it needs nothing of it. To run it again:

    pip install pandas numpy scipy statsmodels matplotlib openpyxl pyarrow charset-normalizer
    python {name} FOLDER

FOLDER holds the data: {files}. Every figure is printed as it is recorded; charts, tables and result.json go to
the folder outputs/ beside where you stand. The operation is at the end, what it imports comes before it.
"""

import datetime
import json
import os
import sys
import types

PARAMETERS = json.loads(
    r\'\'\'
{parameters}
\'\'\'
)
FILES = {names}


def record(name, value, unit=None, n=None, filters=None):
    """Print one figure, and keep it for result.json."""
    value = value.item() if hasattr(value, "item") else value
    value = value.isoformat() if isinstance(value, datetime.date) else value
    VALUES.append({{"name": name, "value": value, "unit": unit, "n": n, "filters": filters}})
    print(f"{{name}} = {{value}}{{' ' + unit if unit else ''}}")


def emit(result):
    """Write what was found to outputs/result.json, and print the statements."""
    with open("outputs/result.json", "w", encoding="utf-8") as file:
        json.dump({{"values": VALUES, **result}}, file, indent=1, ensure_ascii=False)
    if result.get("refusal"):
        print("Not answered:", result["refusal"])
    known = {{v["name"]: v["value"] for v in VALUES}}
    for finding in result.get("findings", []):
        statement = finding["statement"]
        for name in finding["values"]:
            digits = result["formats"].get(name)
            shown = f"{{known[name]:.{{digits}}f}}" if digits is not None and isinstance(known[name], float) else str(known[name])
            statement = statement.replace("{{" + name + "}}", shown)
        print("*", statement)


def module(name, source):
    """Make a module of its source, so that the ones behind it can import it."""
    made = types.ModuleType(name)
    sys.modules[name] = made
    exec(compile(source, name + ".py", "exec"), made.__dict__)


VALUES = []
if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
    sys.exit("usage: python " + os.path.basename(sys.argv[0]) + " FOLDER   (the folder that holds " + ", ".join(FILES) + ")")
inputs = {{name: os.path.abspath(os.path.join(sys.argv[1], name)) for name in FILES}}
parameters = PARAMETERS
os.makedirs("outputs", exist_ok=True)
'''


def standalone_script(*, name: str, title: str, script: str, modules: tuple[str, ...], parameters: JsonMap, inputs: tuple[str, ...]) -> str:
    """The text of one file: a small ``record`` and ``emit``, the modules, the parameters, the operation."""
    head = _HEAD.format(
        title=_one_line(title),
        name=name,
        files=_one_line(", ".join(inputs)),
        parameters=_raw(json.dumps(parameters, indent=1, ensure_ascii=True, sort_keys=True)),
        names=json.dumps(list(inputs), ensure_ascii=True),
    )
    parts = [head]
    for module, source in libraries(*modules):
        parts.append(f"\nmodule(\n    \"{module}\",\n    r'''\n{_raw(source)}''',\n)\n")
    body = script.replace("from __future__ import annotations\n", "\n")  # not possible below other code; its line stays
    parts.append(f"\n{OPERATION_MARK}{body}")
    return "".join(parts)


def lines_before_operation(standalone: str) -> int:
    """How many lines stand before the operation: line 1 of the operation is the one behind them."""
    library, mark, _ = standalone.rpartition(OPERATION_MARK)
    return library.count("\n") + mark.count("\n")


def _raw(text: str) -> str:
    """Text that can stand in a raw string of three single quotes; JSON and our modules hold no such quotes but in data."""
    return text.replace("'''", "\\u0027\\u0027\\u0027")


def _one_line(text: str) -> str:
    """Text for a docstring: nothing of the data can end it."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())
