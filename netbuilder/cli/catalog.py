"""The catalog in the terminal: templates, new projects, layers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Final

from netbuilder.cli.answers import DONE, Command, add_json, print_json, refuse_existing
from netbuilder.foundation.parameter import Parameter


def _templates(asked: argparse.Namespace) -> int:
    from dataclasses import asdict

    from netbuilder.templates import list_templates

    found = list_templates()
    if asked.json:
        print_json([asdict(template) for template in found])
        return DONE
    width = max(len(template.key) for template in found)
    for template in found:
        print(f"{template.key:{width}}  {template.title}: {template.subtitle}. {template.description}")
        print(f"{'':{width}}  {template.mark}, {template.time}")
    return DONE


def _new(asked: argparse.Namespace) -> int:
    from netbuilder.first_network import TABLES, begin_with
    from netbuilder.project import Project

    path = Path(asked.output)
    source = Path(asked.template)
    is_data = source.is_dir() or (source.suffix.lower() in TABLES and source.exists())
    project = Project(begin_with(source)) if is_data else Project.new(asked.template)
    refuse_existing(path)
    project.save(path)
    print(f"Wrote {path}")
    return DONE


def _layers(asked: argparse.Namespace) -> int:
    from netbuilder.foundation.declaration import CATEGORIES
    from netbuilder.layers.catalog import catalog

    if asked.json:
        print_json([_layer(spec) for spec in catalog()])
        return DONE
    for category, title in CATEGORIES.items():
        specs = [spec for spec in catalog() if spec.category == category]
        if specs:
            print(title)
        for spec in specs:
            names = ", ".join(parameter.name for parameter in spec.parameters)
            print(f"  {spec.key:24} {spec.summary}" + (f"  [{names}]" if names else ""))
    return DONE


def _layer(spec: Any) -> dict[str, Any]:
    values = spec.defaults()
    sides = {"inputs": spec.input_ports(values), "outputs": spec.output_ports(values)}
    return {
        "key": spec.key,
        "title": spec.title,
        "category": spec.category,
        "summary": spec.summary,
        "ports": {
            side: [
                {"name": port.name, "dtype": str(port.dtype), "ranks": list(port.ranks), "optional": port.optional}
                for port in found
            ]
            for side, found in sides.items()
        },
        "parameters": [_parameter(parameter) for parameter in spec.parameters],
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    found = {
        "name": parameter.name,
        "title": parameter.title,
        "kind": str(parameter.kind),
        "default": parameter.default,
        "help": parameter.help,
    }
    if parameter.choices:
        found["choices"] = [choice.value for choice in parameter.choices]
    for name in ("minimum", "maximum"):
        if getattr(parameter, name) is not None:
            found[name] = getattr(parameter, name)
    return found


def _new_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "template",
        metavar="TEMPLATE|DATA",
        help="a key that `netbuilder templates` lists, or a table or a folder of images to begin a network with",
    )
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the project to write (.netb)")


COMMANDS: Final = {
    "templates": Command(_templates, "list the templates", add_json),
    "new": Command(_new, "begin a project from a template, a table or a folder of images", _new_arguments),
    "layers": Command(_layers, "list the catalog of layers", add_json),
}
