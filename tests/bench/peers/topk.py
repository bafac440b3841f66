#!/usr/bin/env python3
"""The 20 best of all items for all users by torch: products of a block of users with all items, and torch.topk; none masked.

    topk.py [--users 29858] [--items 40981] [--json FILE]
"""
from common import median_ms, modules, options, report, require_device

parser = options(__doc__)
parser.add_argument("--users", type=int, default=29858)
parser.add_argument("--items", type=int, default=40981)
arguments = parser.parse_args()
(torch,) = modules("torch")
require_device(torch, arguments.device)
users, items = (torch.randn(n, 64, device=arguments.device) for n in (arguments.users, arguments.items))
for block in (1024, 4096, 16384):
    def rank():
        return [torch.topk(part @ items.T, min(20, arguments.items)) for part in users.split(block)]

    report(arguments, f"top 20, torch, {block} users a block", ms=median_ms(torch, arguments.device, rank))
