#!/usr/bin/env python3
"""Holds SOAP messages against the schemas of the DMP's contract.

Argument: the contract's folder. Standard input: a JSON object of envelopes by name. Prints the same names with `valid`, or
the first thing the schema of the message in the body minds.
"""

import json
import sys

from lxml import etree

from dmp import SOAP, Schemas


def main():
    schemas = Schemas(sys.argv[1])
    bodies = {name: etree.fromstring(text.encode()).find(f"{{{SOAP}}}Body")[0] for name, text in json.load(sys.stdin).items()}
    print(json.dumps({name: schemas.check(body) for name, body in bodies.items()}))


if __name__ == "__main__":
    main()
