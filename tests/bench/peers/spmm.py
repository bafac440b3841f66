#!/usr/bin/env python3
"""The product of a graph's normalised adjacency with 64 columns by torch.sparse.mm.

    spmm.py train.txt [--json FILE]
"""
import warnings

from common import adjacency, median_ms, modules, options, read_interactions, report, require_device, sparse

parser = options(__doc__)
parser.add_argument("train")
arguments = parser.parse_args()
(torch,) = modules("torch")
require_device(torch, arguments.device)
warnings.filterwarnings("ignore", message="Sparse ")
n_users, n_items, pairs = read_interactions(torch, arguments.train)
n = n_users + n_items
edges, values = adjacency(torch, n_users, n_items, pairs, arguments.device)
matrix = sparse(torch, edges, values, n)
for columns, kind in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
    a, x = matrix.to(kind), torch.randn(n, 64, device=arguments.device, dtype=kind)
    try:
        ms = median_ms(torch, arguments.device, lambda: torch.sparse.mm(a, x))
    except RuntimeError as error:
        print(f"{columns}: {error}")
        continue
    report(arguments, f"spmm, gowalla, torch {columns}", ms=ms)
