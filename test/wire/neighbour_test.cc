// Neighbours, against what `ip neigh` sends and reads.
#include <sys/socket.h>

#include "check.h"
#include "decode_replies.h"
#include "fixtures.h"
#include "golden.h"

namespace macvlan_netlink::test {
namespace {

using rtnl::NeighbourRecord;

// 52.1.1.1 on p0, with the state that ip sends where none is said.
GoldenCase Neighbour(const char* fixture, const char* operation,
                     void (*change)(NeighbourRecord& record)) {
  return {fixture, operation, [=](const Fixture& f) {
            NeighbourRecord record;
            record.family = AF_INET;
            record.index = f.Index("p0");
            record.state = NUD_PERMANENT;
            record.address = Ip("52.1.1.1");
            change(record);
            return record;
          }};
}

GoldenCase Dump(const char* fixture, const char* link, uint8_t flags) {
  return {fixture, "listNeighbours", [=](const Fixture& f) {
            NeighbourRecord record;
            record.flags = flags;
            if (link != nullptr) record.only_on = f.Index(link);
            return record;
          }};
}

const std::vector<GoldenCase> kRequests = {
    Neighbour("neigh-add", "addNeighbour",
              [](NeighbourRecord& r) { r.mac = Mac("02:00:00:00:09:01"); }),
    Neighbour("neigh-add-v6", "addNeighbour",
              [](NeighbourRecord& r) {
                r.family = AF_INET6;
                r.address = Ip("fd00::1");
                r.mac = Mac("02:00:00:00:09:01");
                r.state = NUD_STALE;
                r.flags = NTF_ROUTER;
                r.protocol = RTPROT_STATIC;
              }),
    Neighbour("neigh-add-proxy", "addNeighbour", [](NeighbourRecord& r) { r.flags = NTF_PROXY; }),
    Neighbour("neigh-replace", "replaceNeighbour",
              [](NeighbourRecord& r) {
                r.mac = Mac("02:00:00:00:09:01");
                r.state = NUD_REACHABLE;
              }),
    Neighbour("neigh-del", "removeNeighbour", [](NeighbourRecord&) {}),
    Dump("dump-neighbours-dev", "c0", 0),
    Dump("dump-neighbours-proxy", nullptr, NTF_PROXY),
};

bool AboutNeighbours(const Fixture& fixture) {
  nlmsghdr header;
  return wire::ReadStruct(fixture.Request(), header) && header.nlmsg_type >= RTM_NEWNEIGH &&
         header.nlmsg_type <= RTM_GETNEIGH;
}

std::string StateText(uint16_t state) {
  if (state == NUD_PERMANENT) return "PERMANENT";
  if (state == NUD_NOARP) return "NOARP";
  return state == NUD_STALE ? "STALE" : std::to_string(state);
}

void CheckNeighbour(const Fixture& fixture, const NeighbourRecord& neighbour, const Json& expect) {
  const Note note(expect["dst"].Text());
  CHECK(neighbour.address && neighbour.mac);
  CHECK_EQ(IpText(*neighbour.address), expect["dst"].Text());
  CHECK_EQ(neighbour.family, neighbour.address->size == 4 ? AF_INET : AF_INET6);
  CHECK_EQ(neighbour.index, fixture.Index(expect["dev"].Text()));
  CHECK_EQ(MacText(*neighbour.mac), expect["lladdr"].Text());
  CHECK_EQ(StateText(neighbour.state), expect["state"].Items().front().Text());
  CHECK_EQ((neighbour.flags & NTF_ROUTER) != 0, expect["dst"].Text() == "fd00::1");
  CHECK_EQ(neighbour.protocol.value_or(RTPROT_UNSPEC),
           expect["protocol"].Text() == "static" ? RTPROT_STATIC : RTPROT_UNSPEC);
}

}  // namespace

TEST(neighbour_requests_are_those_of_ip) { CheckGolden(kRequests, {}, &AboutNeighbours); }

TEST(neighbours_are_decoded_as_ip_reads_them) {
  const Fixture fixture = LoadFixture("replies", "neighbours");
  const auto neighbours = DecodeOf<NeighbourRecord>(fixture.Messages());
  const std::vector<Json>& expected = fixture.json["expect"].Items();
  CHECK_EQ(neighbours.size(), size_t{3});
  CHECK_EQ(neighbours.size(), expected.size());
  for (size_t i = 0; i < neighbours.size() && i < expected.size(); ++i) {
    CheckNeighbour(fixture, neighbours[i], expected[i]);
  }
}

}  // namespace macvlan_netlink::test
