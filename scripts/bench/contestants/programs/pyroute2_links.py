"""pyroute2, the way its documentation shows it.

    pyroute2_links.py WORKLOAD COUNT PARENT_INDEX TARGET
"""

import json
import os
import statistics
import sys
import time

from pyroute2 import IPRoute, NetNS, netns

workload, count, parent = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
target = sys.argv[4] if len(sys.argv) > 4 else ""
name = os.path.basename(target)
ipr = IPRoute()


def timed(work):
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1e3


def create(number, **more):
    ipr.link(
        "add",
        ifname=f"mv{number}",
        kind="macvlan",
        link=parent,
        macvlan_mode="bridge",
        **more,
    )


def listed():
    return list(ipr.get_links())


def delete_all():
    for link in links:
        ipr.link("del", index=link["index"])


def attach(number):
    space = f"{name}{number}"
    ipr.link(
        "add",
        ifname="eth0",
        kind="macvlan",
        link=parent,
        macvlan_mode="bridge",
        net_ns_fd=space,
    )
    with NetNS(space) as inside:
        (index,) = inside.link_lookup(ifname="eth0")
        inside.addr(
            "add",
            index=index,
            address=f"10.{number // 250}.{number % 250}.2",
            prefixlen=24,
        )
        inside.link("set", index=index, state="up")
        inside.link("set", index=1, state="up")


if workload == "create":
    result = {"ms": timed(lambda: [create(number) for number in range(count)])}
elif workload == "create-into":
    result = {
        "ms": timed(lambda: [create(number, net_ns_fd=name) for number in range(count)])
    }
elif workload == "delete":
    links = [link for link in listed() if link.get_attr("IFLA_IFNAME").startswith("mv")]
    result = {"ms": timed(delete_all)}
elif workload == "list":
    times = [timed(listed) for _ in range(3)]
    if len(listed()) < count:
        sys.exit("fewer links listed than there are")
    result = {"ms": statistics.median(times), "firstMs": times[0]}
elif workload == "attach":
    result = {"ms": timed(lambda: [attach(number) for number in range(count)])}
elif workload == "netns":
    result = {
        "ms": timed(lambda: [netns.create(f"{name}{number}") for number in range(count)])
    }
elif workload == "latency":
    times = []
    for number in range(count + 100):
        took = timed(lambda: ipr.link("set", index=parent, state="up"))
        if number >= 100:
            times.append(took * 1e3)
    times.sort()
    result = {
        "p50us": times[len(times) // 2],
        "p99us": times[len(times) * 99 // 100],
        "maxUs": times[-1],
        "requests": len(times),
    }
else:
    sys.exit(f"no such workload: {workload}")

print(json.dumps(result), flush=True)
ipr.close()
