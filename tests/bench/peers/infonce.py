#!/usr/bin/env python3
"""InfoNCE of a batch against another, forward and backward, by torch: all logits in fp32, which are stored.

    infonce.py [--rows 65536] [--compile] [--json FILE]
"""
from common import median_ms, modules, options, report, require_device

parser = options(__doc__)
parser.add_argument("--rows", type=int, default=65536)
parser.add_argument("--compile", action="store_true", help="also by torch.compile")
arguments = parser.parse_args()
(torch,) = modules("torch")
require_device(torch, arguments.device)
torch.manual_seed(7)
a, b = (torch.nn.functional.normalize(torch.randn(arguments.rows, 64, device=arguments.device)).requires_grad_() for _ in range(2))


def loss(x, y):
    logits = x @ y.T / 0.2
    return (torch.logsumexp(logits, dim=1) - logits.diagonal()).mean()


def both(function):
    a.grad = b.grad = None
    function(a, b).backward()


ways = {"torch": lambda: loss}
if arguments.compile:
    ways["torch.compile"] = lambda: torch.compile(loss)
for way, make in ways.items():
    function = make()
    try:
        ms = median_ms(torch, arguments.device, lambda: both(function))
    except Exception as error:  # a compiler fails in many ways, none of which is a fault of ours
        print(f"{way}: {type(error).__name__}: {error}")
        continue
    report(arguments, f"InfoNCE of {arguments.rows} rows, {way}", ms=ms)
