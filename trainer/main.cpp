// The program: command line to subcommand, and errors to messages and exit codes.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <functional>
#include <new>
#include <thread>

#include "comm/mpi_session.h"
#include "kernels/log.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/usage.h"
#include "trainer/version.h"

namespace chorale {
namespace {

void print_error(const Error& error) {
  fmt::print(stderr, "chorale: error: {}\n", error.what());
  if (!error.hint().empty()) fmt::print(stderr, "  hint: {}\n", error.hint());
}

// What was thrown, as an Error with its exit code.
Error described(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error;
  } catch (const std::filesystem::filesystem_error& error) {
    return {Exit::io, error.what(), "check the path and its permissions"};
  } catch (const std::bad_alloc&) {
    return {Exit::environment, "out of memory", "use more ranks, or a machine with more memory"};
  } catch (const std::exception& error) {
    return {Exit::internal, error.what()};
  }
}

// Runs `body` and turns what it throws into an exit code; `failed` is told before.
int guarded(const std::function<Exit()>& body, const std::function<void(int)>& failed) {
  try {
    return static_cast<int>(body());
  } catch (...) {
    const Error error = described(std::current_exception());
    print_error(error);
    failed(static_cast<int>(error.code()));
    return static_cast<int>(error.code());
  }
}

// For commands that run on all ranks. An error that only this rank saw would leave the others
// waiting, so the job is ended; rank 0 goes first, so that an error seen by all is printed once.
int on_all_ranks(int argc, char** argv, bool quiet, const std::function<Exit(const World&)>& body) {
  std::unique_ptr<MpiSession> session;
  const int code = guarded(
      [&] {
        session = std::make_unique<MpiSession>(argc, argv);
        return Exit::finished;
      },
      [](int) {});
  if (code != 0) return code;
  const std::unique_ptr<Communicator> world = session->world();
  configure_log(world->rank(), quiet);
  return guarded(
      [&] {
        try {
          return body(World{*world, session->local_ranks(), session->patience()});
        } catch (...) {
          if (world->rank() != 0) std::this_thread::sleep_for(std::chrono::milliseconds(500));
          throw;
        }
      },
      [&](int failure) {
        if (world->size() > 1) MpiSession::abort(failure);
      });
}

int alone(const std::function<void()>& body) {
  configure_log(0);
  return guarded(
      [&] {
        body();
        return Exit::finished;
      },
      [](int) {});
}

struct Program {
  CLI::App app{"Chorale: distributed training of graph recommenders"};
  std::function<int()> action;
  int argc;
  char** argv;
  bool quiet = false;

  PlantedOptions planted;
  PowerLawOptions power_law;
  std::string generate_out;
  PrepareOptions prepare;
  std::vector<std::string> features;
  std::string inspected;
  TrainCommand train;
  QueryCommand query;
  CkptCommand ckpt;

  Program(int count, char** values) : argc(count), argv(values) {
    app.set_version_flag("--version", std::string("chorale ") + kVersion);
    app.add_flag("-q,--quiet", quiet, "Only warnings and results");
    app.require_subcommand(1);
    app.fallthrough();
    add_generate();
    add_prepare();
    add_inspect();
    add_train();
    add_eval();
    add_recommend();
    add_explain();
    add_export();
    add_ckpt();
  }

  void add_generate() {
    CLI::App* c =
        app.add_subcommand("generate", "Write a synthetic data set")->require_subcommand(1);
    CLI::App* p =
        c->add_subcommand("planted", "Users and items in communities, in the LightGCN text format");
    p->add_option("--out", generate_out, "Folder for train.txt, test.txt and the id lists")
        ->required();
    p->add_option("--users", planted.users, "Number of users")->capture_default_str();
    p->add_option("--items", planted.items, "Number of items")->capture_default_str();
    p->add_option("--communities", planted.communities, "Number of communities")
        ->capture_default_str();
    p->add_option("--items-per-user", planted.items_per_user, "Mean interactions of a user")
        ->capture_default_str();
    p->add_option("--test", planted.test, "Share of each user's interactions that go to test.txt")
        ->capture_default_str();
    p->add_option("--seed", planted.seed, "Another seed, another data set")->capture_default_str();
    p->add_flag("--knowledge", planted.knowledge,
                "Also facts about the items, for `prepare --format kgat`");
    p->add_option("--features", planted.features,
                  "Columns of item_features.npy, for `prepare --features NAME=FILE.npy`; 0: none")
        ->capture_default_str();
    p->callback([this] {
      action = [this] { return alone([this] { run_generate(planted, generate_out); }); };
    });
    add_power_law(c);
  }

  void add_power_law(CLI::App* generate) {
    CLI::App* c = generate->add_subcommand(
        "power-law", "Random interactions with Gowalla's shape of degrees, as a prepared data set");
    c->add_option("--out", generate_out, "Prepared folder to write")->required();
    c->add_option("--users", power_law.users, "Number of users")->capture_default_str();
    c->add_option("--items", power_law.items, "Number of items")->capture_default_str();
    c->add_option("--interactions", power_law.interactions, "About so many, the test's included")
        ->capture_default_str();
    c->add_option("--test-users", power_law.test_users, "Users with a fifth of their items in test")
        ->capture_default_str();
    c->add_option("--seed", power_law.seed, "Another seed, another data set")
        ->capture_default_str();
    c->add_option("--lanes", power_law.lanes, "Pieces of the data set")->capture_default_str();
    c->add_flag("--force", power_law.force, "Replace an existing prepared folder");
    c->callback([this] {
      action = [this] { return alone([this] { run_power_law(power_law, generate_out); }); };
    });
  }

  void add_prepare() {
    CLI::App* c = app.add_subcommand("prepare", "Turn source files into a prepared data set");
    c->add_option("source", prepare.source,
                  "Folder with the source files; for formats with a .inter file also that file")
        ->required();
    c->add_option("--format", prepare.format,
                  fmt::format("Format of the source: {}", fmt::join(reader_names(), ", ")))
        ->capture_default_str();
    c->add_option("--out", prepare.out, "Folder to write")->required();
    c->add_option("--test", prepare.test,
                  "Share of each user's training items to hold out for the test")
        ->capture_default_str();
    c->add_option("--valid", prepare.validation,
                  "Share of each user's remaining training items to hold out for validation")
        ->capture_default_str();
    c->add_option("--cold-items", prepare.cold_items,
                  "Share of the items never to train on: half for validation, half for the test")
        ->capture_default_str();
    c->add_option("--seed", prepare.seed, "Seed of what is held out")->capture_default_str();
    c->add_option("--features", features,
                  "NAME=FILE.npy, one row an item, or NAME@user=FILE.npy; repeat for several")
        ->allow_extra_args(false);
    c->add_option("--lanes", prepare.lanes,
                  "Pieces of the data set; at least as many as ranks will train it")
        ->capture_default_str();
    c->add_flag("--force", prepare.force, "Replace an existing prepared folder");
    c->callback([this] {
      action = [this] {
        return alone([this] {
          for (const std::string& f : features) prepare.features.push_back(parse_feature_source(f));
          run_prepare(prepare);
        });
      };
    });
  }

  void add_inspect() {
    CLI::App* c = app.add_subcommand("inspect", "Describe a prepared data set");
    c->add_option("folder", inspected, "Prepared folder")->required();
    c->callback([this] { action = [this] { return alone([this] { run_inspect(inspected); }); }; });
  }

  void add_train() {
    CLI::App* c =
        app.add_subcommand("train", "Train a model; under mpirun or srun on all their ranks");
    c->add_option("config", train.config, "Configuration, protobuf text (docs/configuration.md)")
        ->required();
    c->add_option("--set", train.assignments, "Change a field: --set train.epochs=5")
        ->allow_extra_args(false);
    c->add_option("--resume", train.resume,
                  "auto: continue the run in --out if there is one; never; or the path "
                  "of a run or checkpoint to start from")
        ->capture_default_str();
    c->add_option("--out", train.out,
                  "Folder of the run; default out_dir/run_name of the configuration");
    c->add_flag("--dry-run", train.dry_run, "Print the memory plan of every rank and exit");
    c->add_option("--max-steps", train.max_steps, "Stop with a checkpoint after so many steps");
    c->callback([this] {
      action = [this] {
        for (int i = 0; i < argc; ++i)
          train.command_line += (i == 0 ? "" : " ") + std::string(argv[i]);
        return on_all_ranks(argc, argv, quiet,
                            [this](const World& w) { return run_train(train, w); });
      };
    });
  }

  // Commands that ask a trained run.
  CLI::App* add_query(const char* name, const char* help,
                      void (*run)(const QueryCommand&, const World&)) {
    CLI::App* c = app.add_subcommand(name, help);
    c->add_option("run", query.run, "Folder of a run, or of one of its checkpoints")->required();
    c->add_option("--data", query.data, "Prepared folder, if it has moved since training");
    c->add_option("--device", query.device, "CPU or CUDA, if not as in training");
    c->callback([this, run] {
      action = [this, run] {
        return on_all_ranks(argc, argv, true, [this, run](const World& w) {
          run(query, w);
          return Exit::finished;
        });
      };
    });
    return c;
  }

  void add_eval() {
    CLI::App* c =
        add_query("eval", "Metrics of a trained run beside the popularity baseline", run_eval);
    c->add_option("--split", query.split, "test or validation")->capture_default_str();
    c->add_option("-k", query.ks, "Lengths of the ranked lists; default: those of the run")
        ->delimiter(',');
  }

  void add_recommend() {
    CLI::App* c = add_query("recommend", "The best items of users", run_recommend);
    c->add_option("--user", query.users, "Raw id of a user; repeat for several")
        ->required()
        ->allow_extra_args(false);
    c->add_option("-k", query.k, "Length of the list")->capture_default_str();
    c->add_flag("--include-seen", query.include_seen, "Also items of the user's training data");
  }

  void add_explain() {
    CLI::App* c = add_query(
        "explain", "The heaviest paths from a user to an item in the knowledge graph", run_explain);
    c->add_option("--user", query.user, "Raw id of the user")->required();
    c->add_option("--item", query.item, "Raw id of the item")->required();
    c->add_option("-k", query.k, "Number of paths")->capture_default_str();
    c->add_option("--hops", query.hops, "Most edges of a path, 1 to 4")->capture_default_str();
  }

  void add_export() {
    CLI::App* c = add_query("export", "Write vectors and id maps for serving", run_export);
    c->add_option("--to", query.to, "Folder to write")->required();
  }

  void add_ckpt() {
    CLI::App* c = app.add_subcommand("ckpt", "Look at checkpoints")->require_subcommand(1);
    CLI::App* ls = c->add_subcommand("ls", "The checkpoints of a run");
    ls->add_option("run", ckpt.path, "Folder of a run")->required();
    ls->callback([this] { action = [this] { return alone([this] { run_ckpt_list(ckpt); }); }; });
    CLI::App* show = c->add_subcommand("show", "What a checkpoint holds");
    show->add_option("path", ckpt.path,
                     "Folder of a run (its latest checkpoint) or of a checkpoint")
        ->required();
    show->add_flag(
        "--digest", ckpt.digest,
        "Verify every block; the last line is the digest over parameters and optimizer state");
    show->callback([this] { action = [this] { return alone([this] { run_ckpt_show(ckpt); }); }; });
  }
};

}  // namespace
}  // namespace chorale

int main(int argc, char** argv) {
  chorale::Program program(argc, argv);
  try {
    program.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.app.exit(error);  // --help, --version
    chorale::print_error(chorale::usage_error(program.app, error));
    return static_cast<int>(chorale::Exit::usage);
  }
  return program.action();
}
