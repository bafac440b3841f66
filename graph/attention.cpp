#include "graph/attention.h"

#include <algorithm>
#include <numeric>

#include "graph/stable_order.h"
#include "kernels/check.h"

namespace chorale {
namespace {

std::vector<Index> counting(Index n) {
  std::vector<Index> numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), Index{0});
  return numbers;
}

// Local columns of the tails: own rows first, then ghosts in ascending row, as the matrix has them.
std::vector<LocalIndex> local_tails(const Partition& nodes, std::span<const KnowledgeEdge> edges) {
  std::vector<Index> ghosts;
  for (const KnowledgeEdge& e : edges) {
    if (!nodes.owns(e.tail)) ghosts.push_back(e.tail);
  }
  std::sort(ghosts.begin(), ghosts.end());
  ghosts.erase(std::unique(ghosts.begin(), ghosts.end()), ghosts.end());
  std::vector<LocalIndex> tails;
  tails.reserve(edges.size());
  for (const KnowledgeEdge& e : edges) {
    const Index place =
        nodes.owns(e.tail)
            ? e.tail - nodes.first()
            : nodes.local_rows() +
                  (std::lower_bound(ghosts.begin(), ghosts.end(), e.tail) - ghosts.begin());
    tails.push_back(static_cast<LocalIndex>(place));
  }
  return tails;
}

// Distinct numbers of a list, ascending, and where each of the list stands among them.
struct Distinct {
  std::vector<LocalIndex> members, places;

  explicit Distinct(const std::vector<LocalIndex>& list) : members(list) {
    std::sort(members.begin(), members.end());
    members.erase(std::unique(members.begin(), members.end()), members.end());
    for (const LocalIndex value : list) {
      places.push_back(static_cast<LocalIndex>(
          std::lower_bound(members.begin(), members.end(), value) - members.begin()));
    }
  }
};

template <class To, class From>
void append(To& to, const From& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

Attention::Attention(Device& device, Communicator& comm, const DistCsr& matrix,
                     std::span<const KnowledgeEdge> edges, const Partition& relations)
    : matrix_(&matrix), all_relations_(device, comm, relations, counting(relations.rows())) {
  const Partition& nodes = matrix.row_partition();
  const auto known = [&](const KnowledgeEdge& e) { return e.relation < relations.rows(); };
  require(static_cast<Index>(edges.size()) == matrix.nonzeros() &&
              std::all_of(edges.begin(), edges.end(), known),
          "attention: {} edges of at most {} relations for a matrix of {} entries", edges.size(),
          relations.rows(), matrix.nonzeros());
  std::vector<LocalIndex> keys, order(edges.size());
  for (const KnowledgeEdge& e : edges) keys.push_back(e.relation);
  stable_order(keys, relations.rows(), order);
  const std::vector<LocalIndex> all_tails = local_tails(nodes, edges);

  std::vector<LocalIndex> ids, heads, tails, places;
  for (auto begin = order.begin(); begin != order.end();) {
    const LocalIndex relation = keys[static_cast<std::size_t>(*begin)];
    heads.clear();
    tails.clear();
    places.clear();
    for (; begin != order.end() && keys[static_cast<std::size_t>(*begin)] == relation; ++begin) {
      const auto e = static_cast<std::size_t>(*begin);
      heads.push_back(static_cast<LocalIndex>(edges[e].head - nodes.first()));
      tails.push_back(all_tails[e]);
      places.push_back(*begin);
    }
    const Distinct of_heads(heads), of_tails(tails);
    const auto own = std::lower_bound(of_tails.members.begin(), of_tails.members.end(),
                                      static_cast<LocalIndex>(nodes.local_rows()));
    append(ids, of_heads.members);
    ids.insert(ids.end(), of_tails.members.begin(), own);
    for (auto ghost = own; ghost != of_tails.members.end(); ++ghost) {
      ids.push_back(*ghost - static_cast<LocalIndex>(nodes.local_rows()));
    }
    append(ids, of_heads.places);
    append(ids, of_tails.places);
    append(ids, places);
    relations_.push_back({relation, static_cast<Index>(of_heads.members.size()),
                          own - of_tails.members.begin(), of_tails.members.end() - own,
                          static_cast<Index>(places.size())});
  }
  ids_ = Array<LocalIndex>(device, std::span<const LocalIndex>(ids));
}

void Attention::score(Arena& arena, ConstView nodes, ConstView ghosts, ConstView vectors,
                      ConstView matrices, View scores) const {
  const Kernels& kernels = arena.device().kernels();
  const Index d = nodes.cols, k = vectors.cols;
  Index most_heads = 0, most_tails = 0;
  for (const OfRelation& r : relations_) {
    most_heads = std::max(most_heads, r.heads);
    most_tails = std::max(most_tails, r.own_tails + r.ghost_tails);
  }
  const View raw = arena.take_view(std::max(most_heads, most_tails), d);
  const View projected = arena.take_view(most_heads, k), shaped = arena.take_view(most_heads, k);
  const View projected_tails = arena.take_view(most_tails, k);
  const LocalIndex* next = ids_.data();
  const auto list = [&next](Index n) {
    const Rows rows(next, static_cast<std::size_t>(n));
    next += n;
    return rows;
  };
  for (const OfRelation& r : relations_) {
    const ConstView w(matrices.row(r.relation), d, k);
    const View heads = projected.row_block(0, r.heads), tanh_heads = shaped.row_block(0, r.heads);
    kernels.gather_rows(nodes, list(r.heads), raw.row_block(0, r.heads));
    kernels.gemm(raw.row_block(0, r.heads), w, heads);
    kernels.add_row(vectors.row_block(r.relation, r.relation + 1), heads);
    kernels.map(Scalar::tanh, 0, heads, tanh_heads);
    const Index tails = r.own_tails + r.ghost_tails;
    kernels.gather_rows(nodes, list(r.own_tails), raw.row_block(0, r.own_tails));
    kernels.gather_rows(ghosts, list(r.ghost_tails), raw.row_block(r.own_tails, tails));
    kernels.gemm(raw.row_block(0, tails), w, projected_tails.row_block(0, tails));
    const RowPairs pairs{list(r.edges), list(r.edges), list(r.edges)};
    kernels.dot_pairs(pairs, tanh_heads, projected_tails.row_block(0, tails), scores);
  }
  for (const View& v : {raw, projected, shaped, projected_tails}) arena.give_back(v);
}

void Attention::compute(Arena& arena, ConstView nodes, ConstView vectors, ConstView matrices,
                        View weights) const {
  const Index n = all_relations_.wanted();
  require(matrices.cols == nodes.cols * vectors.cols && weights.rows == matrix_->nonzeros(),
          "attention: matrices of {} columns for nodes of {} and relations of {}; {} weights",
          matrices.cols, nodes.cols, vectors.cols, weights.rows);
  const View all_vectors = arena.take_view(n, vectors.cols);
  const View all_matrices = arena.take_view(n, matrices.cols);
  const View ghosts = arena.take_view(matrix_->ghosts(), nodes.cols);
  const View scores = arena.take_view(weights.rows, 1);
  all_relations_.pull(arena, vectors, all_vectors);
  all_relations_.pull(arena, matrices, all_matrices);
  matrix_->halo().pull(arena, nodes, ghosts);
  score(arena, nodes, ghosts, all_vectors, all_matrices, scores);
  const CsrView csr = matrix_->view();
  arena.device().kernels().segment_softmax({csr.row_begin, static_cast<std::size_t>(csr.rows) + 1},
                                           scores, weights);
  for (const View& v : {all_vectors, all_matrices, ghosts, scores}) arena.give_back(v);
}

}  // namespace chorale
