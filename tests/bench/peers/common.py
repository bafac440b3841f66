"""What the peers share: options, clocks and the lines that launch/gpu_table.py reads.

A peer does with PyTorch on the same GPU what a part of Chorale does. Nothing here is needed to build or test Chorale; where a
package is missing a peer says "skipped: ..." and exits with 77.
"""
import argparse
import importlib
import json
import statistics
import sys
import time

SKIPPED = 77


def modules(*names):
    """The modules of these names, or an end aloud."""
    try:
        return [importlib.import_module(name) for name in names]
    except ImportError as error:
        print(f"skipped: {error}")
        sys.exit(SKIPPED)


def options(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", help="append a line for each figure to this file")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to see that it runs")
    return parser


def require_device(torch, device):
    if device == "cuda" and not torch.cuda.is_available():
        print("skipped: PyTorch sees no GPU")
        sys.exit(SKIPPED)


def report(arguments, what, **figures):
    print(what, *(f"{name} {value:.6g}" for name, value in figures.items()), flush=True)
    if arguments.json:
        with open(arguments.json, "a") as file:
            file.write(json.dumps({"what": what, **figures}) + "\n")


def wait(torch, device):
    if device == "cuda":
        torch.cuda.synchronize()


def median_ms(torch, device, call, seconds=2.0, most=21):
    """The median of the calls that fit into so many seconds, three at least, after two that warm."""
    for _ in range(2):
        call()
    wait(torch, device)
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or (len(times) < most and time.perf_counter() < end):
        start = time.perf_counter()
        call()
        wait(torch, device)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def read_interactions(torch, path):
    """train.txt, a line a user: `user item item ...`. Users, items, and (2, n) user and item of each interaction."""
    users, items = [], []
    with open(path) as file:
        for line in file:
            user, *row = map(int, line.split())
            users += [user] * len(row)
            items += row
    pairs = torch.tensor([users, items])
    return int(pairs[0].max()) + 1, int(pairs[1].max()) + 1, pairs


def adjacency(torch, n_users, n_items, pairs, device):
    """D^-1/2 A D^-1/2 over users, then items: (2, 2n) positions, row by row, and values."""
    n = n_users + n_items
    there = torch.stack([pairs[0], pairs[1] + n_users])
    edges = torch.cat([there, there.flip(0)], dim=1).to(device)
    edges = edges[:, torch.argsort(edges[0] * n + edges[1])]
    degree = torch.bincount(edges[0], minlength=n).float()
    return edges, (degree[edges[0]] * degree[edges[1]]).rsqrt()


def sparse(torch, edges, values, n):
    return torch.sparse_coo_tensor(edges, values, (n, n), is_coalesced=True).to_sparse_csr()
