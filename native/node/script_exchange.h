// An exchange whose results go to JavaScript: settle(token, results), a result for each step.
#pragma once

#include "node/environment.h"

namespace macvlan_netlink::node {

class ScriptExchange : public io::Exchange,
                       public Delivery,
                       public std::enable_shared_from_this<ScriptExchange> {
 public:
  ScriptExchange(Environment& environment, uint32_t id, double netns)
      : environment_(environment), netns_(netns) {
    token = id;
  }

  // Encodes and appends a request; false when it does not fit a message.
  bool Add(const rtnl::Operation& operation, const rtnl::Record& record);

  // What follows in another namespace once every step here has succeeded; the results of both are
  // then settled as one, and what was read here is not told.
  void Then(std::shared_ptr<io::Channel> channel, std::shared_ptr<ScriptExchange> next);

  io::Status Prepare(io::PoolThread& thread) override;
  void AwaitReader() override;
  void AwaitSlowReader() override;
  void OnAnswer(size_t step, const wire::Message& message) override;
  void OnRestart(size_t step) override;
  void OnEnd() override;

  bool Deliver(Environment& environment, std::chrono::steady_clock::time_point deadline) override;

 private:
  // A run of records that a step was answered with, or a restart without any.
  struct Batch {
    size_t step;
    std::vector<rtnl::Record> records;
    bool restart = false;  // the records before it are void
  };

  enum class Progress { kEnded, kNothingLeft, kOutOfTime };

  void GiveLink(size_t first, int32_t index);
  void HandOver();
  // Where a step's result stands.
  uint32_t Slot(size_t step) const { return static_cast<uint32_t>(steps_before_ + step); }
  Progress ConvertBatches(Napi::Array& results, std::chrono::steady_clock::time_point deadline);
  bool ConvertBatch(const Batch& batch, Napi::Array& results,
                    std::chrono::steady_clock::time_point deadline);
  Napi::Value Result(size_t step, const Napi::Array& results);
  Napi::Value Failure(const io::Step& step, const rtnl::Operation& operation);

  Environment& environment_;
  const double netns_;  // inode of the namespace, which every link names
  std::vector<const rtnl::Operation*> operations_;
  std::shared_ptr<io::Channel> next_channel_;
  std::shared_ptr<ScriptExchange> next_;
  size_t steps_before_ = 0;  // steps of the exchange that this one follows, all successful

  Batch current_{0, {}};  // pool thread only

  std::mutex mutex_;  // guards the three below
  std::deque<Batch> batches_;
  bool enqueued_ = false;
  bool ended_ = false;

  // JavaScript thread only.
  Napi::Reference<Napi::Array> results_;  // between visits; of a listing its records so far
  size_t converted_ = 0;                  // records of the front batch
  size_t concluded_ = 0;                  // steps with a result
};

}  // namespace macvlan_netlink::node
