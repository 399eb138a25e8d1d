// Damaged messages: whatever the bytes say, nothing is read outside them. The sanitizers are the
// judges; without them these tests can only crash.
#include <memory>

#include "check.h"
#include "decode_all.h"
#include "fixtures.h"
#include "rtnl/operations.h"
#include "rtnl/route.h"

namespace macvlan_netlink::test {
namespace {

// A buffer of exactly that size on the heap, so that a read past its end is seen.
class Exact {
 public:
  explicit Exact(wire::ByteSpan bytes)
      : size_(bytes.size), data_(std::make_unique<uint8_t[]>(bytes.size)) {
    if (bytes.size != 0) std::memcpy(data_.get(), bytes.data, bytes.size);
  }
  wire::ByteSpan Span() const { return {data_.get(), size_}; }
  uint8_t& operator[](size_t at) { return data_[at]; }

 private:
  size_t size_;
  std::unique_ptr<uint8_t[]> data_;
};

void SetLength(Exact& message, size_t length) {
  const auto field = static_cast<uint32_t>(length);
  std::memcpy(&message[0], &field, sizeof(field));
}

template <class Visit>
void ForEachCaptured(Visit&& visit) {
  for (const char* folder : {"requests", "replies"}) {
    for (const Fixture& fixture : LoadFixtures(folder)) {
      const Note note(fixture.name);
      const wire::Bytes request = fixture.Request();
      // Requests hold the same structures as replies, nests that replies lack among them.
      if (!request.empty()) visit(request, request);
      for (const wire::Bytes& message : fixture.Messages()) visit(message, request);
    }
  }
}

}  // namespace

TEST(undamaged_messages_decode) {
  Decoded sum;
  ForEachCaptured([&](const wire::Bytes& message, const wire::Bytes& request) {
    const Decoded found = DecodeAll(message, request);
    CHECK_EQ(found.messages, size_t{1});
    sum.ends += found.ends;
    sum.links += found.links;
    sum.addresses += found.addresses;
    sum.routes += found.routes;
    sum.rules += found.rules;
    sum.neighbours += found.neighbours;
  });
  CHECK(sum.ends > 10 && sum.links > 20 && sum.addresses > 20 && sum.routes > 20);
  CHECK(sum.rules > 10 && sum.neighbours > 5);
}

TEST(every_truncation_of_every_message) {
  size_t count = 0;
  ForEachCaptured([&](const wire::Bytes& message, const wire::Bytes& request) {
    for (size_t size = 0; size < message.size(); ++size, ++count) {
      Exact cut(wire::ByteSpan(message.data(), size));
      // As it was received: the header promises more than there is.
      CHECK_EQ(DecodeAll(cut.Span(), request).messages, size_t{0});
      // With a header that agrees, so that the cut falls into the attributes.
      if (size < NLMSG_HDRLEN) continue;
      SetLength(cut, size);
      CHECK_EQ(DecodeAll(cut.Span(), request).messages, size_t{1});
    }
  });
  CHECK(count > 10'000);
}

TEST(every_truncation_of_every_request_that_an_ack_points_into) {
  for (const Fixture& fixture : LoadFixtures("replies")) {
    if (fixture.name.rfind("ack-", 0) != 0) continue;
    const wire::Bytes request = fixture.Request();
    const wire::Bytes answer = fixture.Messages().front();
    for (size_t size = 0; size < request.size(); ++size) {
      const Exact cut(wire::ByteSpan(request.data(), size));
      CHECK_EQ(DecodeAll(answer, cut.Span()).ends, size_t{1});
    }
  }
}

TEST(every_bit_flip_of_every_message) {
  size_t count = 0;
  ForEachCaptured([&](const wire::Bytes& message, const wire::Bytes& request) {
    Exact flipped(message);
    for (size_t bit = 0; bit < message.size() * 8; ++bit, ++count) {
      const auto mask = static_cast<uint8_t>(1u << bit % 8);
      flipped[bit / 8] ^= mask;
      DecodeAll(flipped.Span(), request);
      flipped[bit / 8] ^= mask;
    }
    CHECK_EQ(ToHex(flipped.Span()), ToHex(message));
  });
  CHECK(count > 100'000);
}

TEST(every_message_as_a_record_of_another_kind) {
  ForEachCaptured([&](const wire::Bytes& message, const wire::Bytes&) {
    const wire::ByteSpan body = wire::ByteSpan(message).From(NLMSG_HDRLEN);
    for (size_t start = 0; start < body.size && start < 64; ++start) {
      DecodeAsEveryRecord(Exact(body.From(start)).Span());
    }
  });
}

TEST(every_offset_of_an_extended_ack) {
  for (const Fixture& fixture : LoadFixtures("requests")) {
    const Exact request(fixture.Request());
    wire::Ack ack;
    for (uint32_t offset = 0; offset < request.Span().size + 64; ++offset) {
      ack.attribute_offset = offset;
      for (const rtnl::Operation& operation : rtnl::kOperations) {
        const char* name = rtnl::AttributeAtFault(operation, request.Span(), ack);
        if (offset >= request.Span().size) CHECK_EQ(name, static_cast<const char*>(nullptr));
      }
    }
    ack.attribute_offset = 0xffffffff;
    for (const rtnl::Operation& operation : rtnl::kOperations) {
      CHECK(rtnl::AttributeAtFault(operation, request.Span(), ack) == nullptr);
    }
  }
}

// A kernel newer than the tables has more of them; the table of decoders ends at 96.
TEST(attribute_types_around_the_end_of_the_table) {
  for (const uint16_t type : {95, 96, 97, NLA_TYPE_MASK}) {
    wire::Bytes body;
    wire::Writer writer(body);
    writer.Header(ifinfomsg{});
    wire::Wire<uint32_t>::Encode(writer, type, 1u);
    DecodeAsEveryRecord(Exact(body).Span());
  }
}

TEST(a_next_hop_that_is_longer_than_the_list) {
  wire::Bytes body;
  wire::Writer writer(body);
  writer.Header(rtmsg{});
  rtnl::NextHop hop;
  hop.gateway.emplace().Assign(wire::Bytes{10, 0, 0, 1});
  wire::Wire<rtnl::NextHops>::Encode(writer, RTA_MULTIPATH, {{hop}});
  // The list lacks the last byte, of which its only hop speaks.
  body.pop_back();
  --body[sizeof(rtmsg)];
  rtnl::RouteRecord route;
  CHECK(wire::DecodeBody(Exact(body).Span(), route));
  CHECK(!route.next_hops);
}

}  // namespace macvlan_netlink::test
