// A communicator of device memory made to take host buffers, so that the contract's checks, which
// are written on host memory, run on it: every verb goes through device memory of its own.
#pragma once

#include <memory>

#include "comm/communicator.h"
#include "kernels/array.h"

namespace chorale {

class FromHost final : public Communicator {
 public:
  // `inner` is bound to `device`.
  FromHost(Device& device, Communicator& inner) : device_(device), inner_(inner) {}

  int rank() const override { return inner_.rank(); }
  int size() const override { return inner_.size(); }
  Communicator& host() override { return inner_.host(); }
  void barrier() override { inner_.barrier(); }

  Request all_to_all(Bytes send, Counts sent, MutableBytes recv, Counts received) override {
    const auto from = on_device(send), to = on_device(recv);
    return back(inner_.all_to_all(from->span(), sent, to->span(), received), {from, to}, recv);
  }
  Request all_gather(Bytes mine, MutableBytes all, Counts each) override {
    const auto from = on_device(mine), to = on_device(all);
    return back(inner_.all_gather(from->span(), to->span(), each), {from, to}, all);
  }
  Request broadcast(MutableBytes inout, int root) override {
    const auto there = on_device(inout);
    return back(inner_.broadcast(there->span(), root), {there, there}, inout);
  }
  Request all_reduce_sum(View inout) override {
    const Index n = inout.rows == 0 ? 0 : (inout.rows - 1) * inout.stride + inout.cols;
    const auto all = std::as_writable_bytes(std::span(inout.data, static_cast<std::size_t>(n)));
    const auto there = on_device(all);
    View x = inout;
    x.data = reinterpret_cast<Real*>(there->data());
    return back(inner_.all_reduce_sum(x), {there, there}, all);
  }

 private:
  // Shared, because std::function wants to be copied.
  using Block = std::shared_ptr<const Array<std::byte>>;
  struct Blocks {
    Block from, to;
  };

  Block on_device(Bytes host) const { return std::make_shared<Array<std::byte>>(device_, host); }

  Request back(Request request, const Blocks& blocks, MutableBytes to) {
    auto shared = std::make_shared<Request>(std::move(request));
    return Request([this, shared, blocks, to] {
      shared->wait();
      if (!to.empty()) device_.download(to.data(), blocks.to->data(), to.size());
    });
  }

  Device& device_;
  Communicator& inner_;
};

}  // namespace chorale
