"""Validate a RO-Crate without the network: run by an interpreter that has roc-validator; prints what is wrong.

Usage: python oracle_rocrate.py CRATE CONTEXT SEVERITY; the context is that of RO-Crate, as a JSON-LD file.
"""

import sys
from pathlib import Path

import requests
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

crate, context, severity = sys.argv[1:]


def get_from_file(self, url, **kwargs):
    response = requests.Response()
    if not url.startswith("https://w3id.org/ro/crate/1.1/context"):
        raise RuntimeError(f"the network would be asked for {url}")
    response.status_code, response.url = 200, url
    response.headers["Content-Type"] = "application/ld+json"
    response._content = Path(context).read_bytes()
    return response


HttpRequester.get = get_from_file
settings = services.ValidationSettings(
    rocrate_uri=crate,
    profile_identifier="process-run-crate-0.5",
    requirement_severity=models.Severity[severity],
    offline=True,
)
result = services.validate(settings)
for issue in result.get_issues():
    print(f"{issue.severity.name}: {issue.message} ({issue.violatingEntity})")
print("passed" if result.passed() else "failed")
