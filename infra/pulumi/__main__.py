"""Where Pulumi begins: reads the stack's configuration and declares the stack."""

from __future__ import annotations

import sys
from pathlib import Path

import pulumi
import pulumi_gcp as gcp

# Pulumi runs this folder as a program, so that our packages are found from the checkout's top.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from functions.manifest import MANIFEST
from infra.packaging.archive import CHECKOUT, build
from infra.pulumi.configuration import ConfigurationError, read_settings
from infra.pulumi.program import declare

try:
    settings = read_settings(pulumi.runtime.config.CONFIG.get())
except ConfigurationError as error:
    raise pulumi.RunError(str(error)) from error

archives = {row.name: build(row, CHECKOUT / "build" / "functions") for row in MANIFEST if not row.is_container}
project = gcp.organizations.get_project(project_id=settings.project)
for name, value in declare(settings, str(project.number), MANIFEST, archives).items():
    pulumi.export(name, value)
