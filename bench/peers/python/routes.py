"""Routes by pyroute2, one request a route: `OPERATION FAMILY NEXTHOPS COUNT` -> microseconds.

The links are looked up once, which is kinder than the usual `link_lookup` a route. The field is bench/field.ts.
"""

import socket
import sys
import time

from pyroute2 import IPRoute

ipr = IPRoute()


def index_of(pod):
    return ipr.link_lookup(ifname=f"p{pod}")[0]


indexes = {}


def destination(family, number):
    high, low = number >> 16, number & 0xFFFF
    if family == 4:
        return f"198.{18 + high}.{low >> 8}.{low & 255}/32"
    return f"2001:db8::{high:x}:{low:x}/128"


def gateway(family, pod, variant):
    if family == 4:
        return f"10.1.{pod + 1}.{2 + variant}"
    return f"fd00:1:{pod + 1}::{2 + variant}"


def change(operation, family, nexthops, number):
    route = {
        "family": socket.AF_INET if family == 4 else socket.AF_INET6,
        "dst": destination(family, number),
        "proto": 70,
        "priority": 16,
    }
    if operation == "delete":
        ipr.route("del", **route)
        return
    variant = 0 if operation == "add" else 1
    hops = [(indexes[pod], gateway(family, pod, variant)) for pod in range(nexthops)]
    if nexthops == 1:
        route.update(oif=hops[0][0], gateway=hops[0][1])
    else:
        route.update(multipath=[{"oif": oif, "gateway": via, "hops": 0} for oif, via in hops])
    ipr.route("replace", **route)


for line in sys.stdin:
    operation, *numbers = line.split()
    family, nexthops, count = map(int, numbers)
    for pod in range(nexthops):
        indexes.setdefault(pod, index_of(pod))
    try:
        began = time.perf_counter()
        for number in range(count):
            change(operation, family, nexthops, number)
        print((time.perf_counter() - began) * 1e6, flush=True)
    except Exception as error:
        print("error", repr(error), flush=True)
