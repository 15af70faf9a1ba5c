// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Long sequences: against a model in one thread, and with requester and host in a thread each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <random>
#include <stop_token>
#include <thread>

#include "penstock/io_queue.h"
#include "penstock/layout/slot.h"
#include "tests/runtime/io_queue_rig.h"

namespace penstock {
namespace {

using layout::IoCause;
using layout::IoEnd;
using layout::IoRequest;

// What a queue should hold, kept without its bytes.
struct ModelSlot {
  u32 status = layout::kEmpty;
  IoRequest words = {};
  IoEnd end = {};

  bool announced() const { return layout::IsIoAnnouncement(words.op_type); }
};

class Sequence {
 public:
  Sequence(u32 slots, u32 seed) : random_(seed), queue_(HostIoQueue::Create(slots).value()), model_(slots) {}

  void Step() {
    switch (Below(8)) {
      case 0:
      case 1: return Submit();
      case 2: return Announce();
      case 3: return Claim();
      case 4: return Complete();
      case 5: return CompleteBatch();
      case 6: return PollCompletions();
      default: return PollPublished();
    }
  }

  u64 finished() const { return finished_; }
  u64 refused() const { return refused_; }

 private:
  u32 Below(u32 limit) { return static_cast<u32>(random_() % limit); }
  // One in sixteen is beyond the queue.
  u32 AnySlotId() { return Below(static_cast<u32>(model_.size() + model_.size() / 16 + 1)); }
  IoEnd AnyEnd() { return {Below(4) == 0 ? static_cast<u32>(IoCause::kMedium) : 0, Below(1u << 20)}; }
  bool Holds(u32 slot_id, u32 status) const { return slot_id < model_.size() && model_[slot_id].status == status; }

  void ExpectPublished(u32 slot_id, const IoRequest& words, const absl::Status& published) {
    ASSERT_EQ(published.ok(), Holds(slot_id, layout::kEmpty)) << published;
    if (published.ok()) {
      model_[slot_id] = {layout::kPublished, words, {}};
    } else {
      ++refused_;
    }
  }
  void Submit() {
    const u32 slot_id = AnySlotId();
    IoRequest request = Read(++tag_);
    request.op_type = 1 + Below(3);
    ExpectPublished(slot_id, request, queue_.view().Submit(slot_id, request));
  }
  void Announce() {
    const u32 slot_id = AnySlotId();
    const IoRequest announcement = Announcement(++tag_);
    ExpectPublished(slot_id, announcement, queue_.view().Announce(slot_id, announcement));
  }

  // Every posting is one that the model has, and there are as many.
  void ExpectPostings(bool announced) {
    const auto expected = std::count_if(model_.begin(), model_.end(), [announced](const ModelSlot& slot) {
      return slot.status == layout::kPublished && slot.announced() == announced;
    });
    ASSERT_EQ(postings_.size(), static_cast<size_t>(expected));
    for (const IoPosting& posting : postings_) {
      ASSERT_TRUE(Holds(posting.slot_id, layout::kPublished));
      ASSERT_TRUE(SameWords(posting.words, model_[posting.slot_id].words));
    }
    ASSERT_TRUE(
        std::is_sorted(postings_.begin(), postings_.end(), [](const auto& a, const auto& b) { return a.slot_id < b.slot_id; }));
  }
  void Claim() {
    queue_.view().ClaimRequests(postings_);
    ExpectPostings(/*announced=*/false);
    for (const IoPosting& posting : postings_) model_[posting.slot_id].status = layout::kClaimed;
  }
  void PollPublished() {
    queue_.view().PollRequests(postings_);
    ExpectPostings(/*announced=*/false);
    queue_.view().PollAnnouncements(postings_);
    ExpectPostings(/*announced=*/true);
    for (const IoPosting& posting : postings_) model_[posting.slot_id].status = layout::kEmpty;
  }

  void End(const IoCompletion& completion) {
    ModelSlot& slot = model_[completion.slot_id];
    slot.status = completion.end.ok() ? layout::kIoOk : layout::kIoError;
    slot.end = completion.end;
  }
  void Complete() {
    const IoCompletion completion = {AnySlotId(), AnyEnd()};
    const absl::Status completed = queue_.view().Complete(completion.slot_id, completion.end);
    ASSERT_EQ(completed.ok(), Holds(completion.slot_id, layout::kClaimed)) << completed;
    if (completed.ok()) {
      End(completion);
    } else {
      ++refused_;
    }
  }
  void CompleteBatch() {
    std::vector<IoCompletion> batch;
    for (u32 slot_id = 0; slot_id < model_.size(); ++slot_id) {
      if (Holds(slot_id, layout::kClaimed) && Below(2) == 0) batch.push_back({slot_id, AnyEnd()});
    }
    std::shuffle(batch.begin(), batch.end(), random_);
    bool legal = true;
    if (Below(4) == 0) {  // one that must spoil all of it: twice, or not CLAIMED
      u32 spoiler = AnySlotId();
      if (!batch.empty() && Holds(spoiler, layout::kClaimed)) spoiler = batch[0].slot_id;
      if (!batch.empty() || !Holds(spoiler, layout::kClaimed)) {
        batch.insert(batch.begin() + Below(static_cast<u32>(batch.size() + 1)), IoCompletion{spoiler, AnyEnd()});
        legal = false;
      }
    }
    const absl::Status completed = queue_.view().CompleteBatch(batch);
    ASSERT_EQ(completed.ok(), legal) << completed;
    if (!legal) ++refused_;
    for (const IoCompletion& completion : batch) {
      if (legal) End(completion);
    }
  }

  void PollCompletions() {
    std::vector<IoFinished>& finished = finished_requests_;
    queue_.view().PollCompletions(finished);
    const auto expected = std::count_if(model_.begin(), model_.end(), [](const ModelSlot& slot) {
      return slot.status == layout::kIoOk || slot.status == layout::kIoError;
    });
    ASSERT_EQ(finished.size(), static_cast<size_t>(expected));
    for (const IoFinished& item : finished) {
      ModelSlot& slot = model_[item.slot_id];
      ASSERT_TRUE(Holds(item.slot_id, item.ok ? layout::kIoOk : layout::kIoError));
      ASSERT_EQ(item.tag, slot.words.tag);
      ASSERT_EQ(item.end.value().cause, slot.end.cause);
      ASSERT_EQ(item.end.value().bytes, slot.end.bytes);
      slot = {};
    }
    finished_ += finished.size();
  }

  std::mt19937 random_;
  HostIoQueue queue_;
  std::vector<ModelSlot> model_;
  std::vector<IoPosting> postings_;
  std::vector<IoFinished> finished_requests_;
  u32 tag_ = 0;
  u64 finished_ = 0;
  u64 refused_ = 0;
};

void RunSequence(u32 seed) {
  for (const u32 slots : {1u, 7u, 64u}) {
    SCOPED_TRACE(testing::Message() << "seed " << seed << ", " << slots << " slots");
    Sequence sequence(slots, seed);
    for (u32 step = 0; step < 20'000; ++step) {
      sequence.Step();
      if (testing::Test::HasFatalFailure()) FAIL() << "at step " << step;
    }
    EXPECT_GT(sequence.finished(), 500u);
    EXPECT_GT(sequence.refused(), 500u);
  }
}

TEST(IoQueueSequence, OfRandomCallsComesToWhatAModelSays) {
  for (const u32 seed : {1u, 2u, 3u}) RunSequence(seed);
}

TEST(IoQueueSequence, AndWithASeedThatIsNewEachTime) {
  const u32 seed = std::random_device()();
  std::cout << "seed " << seed << std::endl;
  RunSequence(seed);
}

constexpr u32 kSlots = 16;
constexpr u32 kAnnouncementSlots = 4;  // the last of them; the others are for requests
constexpr u32 kRequests = 20'000;
constexpr u32 kAnnouncements = 2'000;

IoEnd EndOf(u32 tag) { return {tag % 5 == 0 ? static_cast<u32>(IoCause::kMedium) : 0, ~tag}; }

// Plain memory that the statuses hand over: the thread sanitizer sees where one does not.
struct Memory {
  std::vector<u32> asked = std::vector<u32>(kSlots);              // by slot; the requester's, before Submit
  std::vector<u32> landed = std::vector<u32>(kSlots);             // by slot; the host's, before it completes
  std::vector<u32> announced = std::vector<u32>(kAnnouncements);  // the host's, before Announce
};

// Serves in a different order than it claims, and keeps some back, until every request is answered.
void Serve(const std::stop_token& stop, const IoQueueView& view, Memory& memory, u32 seed) {
  std::mt19937 random(seed);
  std::vector<IoPosting> claimed;
  std::vector<IoPosting> held;
  u32 announced = 0;
  for (u32 answered = 0; !stop.stop_requested() && (answered < kRequests || announced < kAnnouncements);) {
    view.ClaimRequests(claimed);
    for (const IoPosting& request : claimed) {
      EXPECT_TRUE(SameWords(request.words, Read(request.words.tag)));
      EXPECT_EQ(memory.asked[request.slot_id], request.words.tag);
    }
    held.insert(held.end(), claimed.begin(), claimed.end());
    std::shuffle(held.begin(), held.end(), random);
    std::vector<IoCompletion> batch;
    for (auto keep = held.size() / 2; held.size() > keep; held.pop_back()) {
      memory.landed[held.back().slot_id] = held.back().words.tag;
      batch.push_back({held.back().slot_id, EndOf(held.back().words.tag)});
    }
    EXPECT_TRUE(view.CompleteBatch(batch).ok());
    answered += static_cast<u32>(batch.size());
    const u32 slot_id = kSlots - 1 - announced % kAnnouncementSlots;
    if (announced < kAnnouncements) memory.announced[announced] = ~announced;
    if (announced < kAnnouncements && view.Announce(slot_id, Announcement(announced)).ok()) ++announced;
    if (batch.empty()) std::this_thread::yield();
  }
}

TEST(IoQueueSequence, RequesterAndHostEachInAThreadLoseAndDuplicateNothing) {
  const u32 seed = std::random_device()();
  std::cout << "seed " << seed << std::endl;
  HostIoQueue queue = HostIoQueue::Create(kSlots).value();
  const IoQueueView view = queue.view();
  Memory memory;
  std::jthread host([&](const std::stop_token& stop) { Serve(stop, view, memory, seed); });

  std::vector<bool> in_use(kSlots);
  std::vector<bool> ended(kRequests);
  std::vector<bool> told(kAnnouncements);
  std::vector<IoFinished> finished;
  std::vector<IoPosting> announcements;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  u32 submitted = 0;
  for (u32 left = kRequests + kAnnouncements; left > 0;) {
    for (u32 slot_id = 0; slot_id < kSlots - kAnnouncementSlots && submitted < kRequests; ++slot_id) {
      if (in_use[slot_id]) continue;
      memory.asked[slot_id] = submitted;
      ASSERT_TRUE(view.Submit(slot_id, Read(submitted)).ok());
      in_use[slot_id] = true;
      ++submitted;
    }
    view.PollCompletions(finished);
    for (const IoFinished& item : finished) {
      ASSERT_LT(item.tag, submitted);
      ASSERT_EQ(memory.landed[item.slot_id], item.tag);
      ASSERT_FALSE(ended[item.tag]) << item.tag;
      ended[item.tag] = true;
      in_use[item.slot_id] = false;
      const IoEnd end = EndOf(item.tag);
      ASSERT_EQ(item.ok, end.ok());
      ASSERT_EQ(item.end.value().cause, end.cause);
      ASSERT_EQ(item.end.value().bytes, end.bytes);
    }
    view.PollAnnouncements(announcements);
    for (const IoPosting& item : announcements) {
      ASSERT_TRUE(SameWords(item.words, Announcement(item.words.tag)));
      ASSERT_EQ(memory.announced[item.words.tag], ~item.words.tag);
      ASSERT_FALSE(told[item.words.tag]) << item.words.tag;
      told[item.words.tag] = true;
    }
    left -= static_cast<u32>(finished.size() + announcements.size());
    if (finished.empty() && announcements.empty()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << left << " were lost";
      std::this_thread::yield();
    }
  }
}

}  // namespace
}  // namespace penstock
