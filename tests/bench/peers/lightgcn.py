#!/usr/bin/env python3
"""An epoch of LightGCN by PyTorch Geometric: its own model and BPR loss, K = 3, d = 64, B = 2048, Adam, all on the device.

    lightgcn.py train.txt [--json FILE]

In two ways: messages along a list of edges, and products with a sparse matrix. Weights are normalised once, beforehand. The
seconds of an epoch are those of its steps that fit into a few seconds, after ten that warm.
"""
import time
import warnings

from common import adjacency, modules, options, read_interactions, report, require_device, sparse, wait

parser = options(__doc__)
parser.add_argument("train")
parser.add_argument("--batch", type=int, default=2048)
parser.add_argument("--seconds", type=float, default=6, help="for each way")
arguments = parser.parse_args()
torch, nn = modules("torch", "torch_geometric.nn")
require_device(torch, arguments.device)
warnings.filterwarnings("ignore", message="Sparse ")
device = torch.device(arguments.device)


def seconds_an_epoch(graph, weights):
    torch.manual_seed(2024)
    model = nn.LightGCN(n_users + n_items, 64, 3, normalize=False).to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    users, items = pairs.to(device)
    order = torch.randperm(users.numel(), device=device)

    def step(k):
        chosen = order[k * arguments.batch:(k + 1) * arguments.batch]
        positives = items[chosen] + n_users
        negatives = torch.randint(n_users, n_users + n_items, positives.shape, device=device)
        asked = torch.stack([users[chosen].repeat(2), torch.cat([positives, negatives])])
        optimizer.zero_grad()
        good, bad = model(graph, asked, weights).chunk(2)
        loss = model.recommendation_loss(good, bad, node_id=asked.unique(), lambda_reg=1e-4)
        loss.backward()
        optimizer.step()

    steps = -(-users.numel() // arguments.batch)
    for k in range(min(10, steps)):
        step(k)
    wait(torch, arguments.device)
    done, start = 0, time.perf_counter()
    while done < steps and time.perf_counter() < start + arguments.seconds:
        for _ in range(10):  # the host runs ahead of the device in between
            step(done % steps)
            done += 1
        wait(torch, arguments.device)
    return (time.perf_counter() - start) * steps / done


n_users, n_items, pairs = read_interactions(torch, arguments.train)
edges, values = adjacency(torch, n_users, n_items, pairs, device)
# The matrix is its own transpose, which is what the model asks for.
ways = {"edges": (edges, values), "sparse": (sparse(torch, edges, values, n_users + n_items), None)}
for way, (graph, weights) in ways.items():
    try:
        seconds = seconds_an_epoch(graph, weights)
    except (RuntimeError, ValueError, NotImplementedError) as error:
        print(f"{way}: {error}")
        continue
    report(arguments, f"LightGCN epoch, PyTorch Geometric, {way}", s=seconds)
