#include "socket_set.h"

#include <netinet/in.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "arguments.h"
#include "system_error.h"

// Events that one call of epoll_wait() takes.
constexpr size_t kMostEvents = 64;
// Descriptors that are kept for later calls.
constexpr size_t kMostIdle = 256;

Napi::Function SocketSet::Define(Napi::Env env) {
  return DefineClass(env, "SocketSet",
                     {
                         InstanceMethod<&SocketSet::Connect>("connect"),
                         InstanceMethod<&SocketSet::Ready>("ready"),
                         InstanceMethod<&SocketSet::IsOwnPeer>("isOwnPeer"),
                         InstanceMethod<&SocketSet::Send>("send"),
                         InstanceMethod<&SocketSet::Receive>("receive"),
                         InstanceMethod<&SocketSet::Release>("release"),
                         InstanceMethod<&SocketSet::CloseOne>("close"),
                         InstanceMethod<&SocketSet::StartWatch>("watch"),
                         InstanceMethod<&SocketSet::Hold>("hold"),
                         InstanceMethod<&SocketSet::End>("end"),
                     });
}

SocketSet::SocketSet(const Napi::CallbackInfo& info) : Napi::ObjectWrap<SocketSet>(info) {
  const int opened = Retry([&] { return epoll_create1(EPOLL_CLOEXEC); });
  if (opened >= 0) {
    epoll_ = Descriptor(opened);
  } else {
    SystemError(info.Env(), {opened, "epoll_create1"}).ThrowAsJavaScriptException();
  }
}

struct SocketSet::Call {
  Bytes address;
  Bytes source;
  int mark;
  const std::string& device;
  int type;

  const sockaddr* To() const { return reinterpret_cast<const sockaddr*>(address.data); }
  const sockaddr* From() const { return reinterpret_cast<const sockaddr*>(source.data); }
  int Family() const { return To()->sa_family; }
  // What is set on a socket stays.
  bool IsPlain() const { return type == SOCK_STREAM && source.size == 0 && mark == 0 && device.empty(); }
};

Napi::Value SocketSet::Connect(const Napi::CallbackInfo& info) {
  const auto address = BytesArgument(info, 0, "address");
  const auto source = info[1].IsUndefined() ? Bytes{nullptr, 0} : BytesArgument(info, 1, "source");
  const auto mark = info[2].IsUndefined() ? 0 : IntegerArgument(info, 2, "mark");
  const auto device = OptionalPathArgument(info, 3, "device");
  const auto type = info[4].IsUndefined() ? SOCK_STREAM : IntegerArgument(info, 4, "type");
  if (!address || !source || !mark || !device || !type) return {};
  if (address->size < sizeof(sockaddr)) return Napi::Number::New(info.Env(), -EINVAL);
  return Napi::Number::New(info.Env(), Open({*address, *source, *mark, *device, *type}));
}

// The descriptor, or -errno.
int SocketSet::Open(const Call& call) {
  if (epoll_.Get() < 0) return -EBADF;
  auto& idle = call.Family() == AF_INET ? idle_ipv4_ : idle_ipv6_;
  if (call.IsPlain() && !idle.empty()) {
    const int fd = idle.back();
    idle.pop_back();
    StateOf(fd) = State::kNone;
    return Begin(Descriptor(fd), call);
  }
  Descriptor opened(Retry([&] { return socket(call.Family(), call.type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }));
  const int fd = opened.Get();
  if (fd < 0) return fd;
  const auto set = [fd](int level, int name, const void* value, size_t size) {
    return Retry([&] { return setsockopt(fd, level, name, value, size); });
  };
  int result = 0;
  if (call.mark != 0) result = set(SOL_SOCKET, SO_MARK, &call.mark, sizeof call.mark);
  if (result == 0 && !call.device.empty()) {
    result = set(SOL_SOCKET, SO_BINDTODEVICE, call.device.c_str(), call.device.size() + 1);
  }
  if (result == 0 && call.source.size > 0) {
    // A port is chosen when the other end is known: so one address has more connections than ports.
    const int on = 1;
    set(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    result = Retry([&] { return bind(fd, call.From(), call.source.size); });
  }
  if (result < 0) return result;
  // Each change is told once, so that a socket needs one call of this for all its life.
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.fd = fd;
  result = Retry([&] { return epoll_ctl(epoll_.Get(), EPOLL_CTL_ADD, fd, &event); });
  return result < 0 ? result : Begin(std::move(opened), call);
}

int SocketSet::Begin(Descriptor opened, const Call& call) {
  const int fd = opened.Get();
  // libuv refuses to connect a socket of datagrams that is connected: whoever is given one does that.
  const bool connects = call.type == SOCK_STREAM;
  const int result = connects ? Retry([&] { return connect(fd, call.To(), call.address.size); }) : 0;
  if (result < 0 && result != -EINPROGRESS) return result;
  StateOf(fd) = State::kOpen;
  plain_[static_cast<size_t>(fd)] = call.IsPlain() ? call.Family() : 0;
  return opened.Release();
}

// An error of a socket is told by no call on it that JavaScript makes, so it is fetched here.
Napi::Value SocketSet::Ready(const Napi::CallbackInfo& info) {
  const auto into = IntegersArgument(info, 0, "into");
  if (!into) return {};
  std::array<epoll_event, kMostEvents> events;
  const size_t room = std::min(into->size / 2, kMostEvents);
  if (room == 0) return Napi::Number::New(info.Env(), 0);
  const int count =
      Retry([&] { return epoll_wait(epoll_.Get(), events.data(), static_cast<int>(room), 0); });
  int told = 0;
  for (int i = 0; i < count; i++) {
    const int fd = events[i].data.fd;
    // That a call was ended is an event too.
    if (StateOf(fd) != State::kOpen) continue;
    int error = 0;
    socklen_t size = sizeof error;
    if ((events[i].events & EPOLLERR) != 0) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    into->data[2 * told] = fd;
    into->data[2 * told + 1] = -error;
    told++;
  }
  return Napi::Number::New(info.Env(), count < 0 ? count : told);
}

Napi::Value SocketSet::IsOwnPeer(const Napi::CallbackInfo& info) {
  const int fd = Find(info);
  sockaddr_storage here{};
  sockaddr_storage there{};
  socklen_t here_size = sizeof here;
  socklen_t there_size = sizeof there;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&here), &here_size) < 0 ||
      getpeername(fd, reinterpret_cast<sockaddr*>(&there), &there_size) < 0) {
    return Napi::Boolean::New(info.Env(), false);
  }
  return Napi::Boolean::New(info.Env(), here_size == there_size && std::memcmp(&here, &there, here_size) == 0);
}

Napi::Value SocketSet::Send(const Napi::CallbackInfo& info) {
  const int fd = Find(info);
  const auto data = BytesArgument(info, 1, "data");
  if (!data) return {};
  return Napi::Number::New(info.Env(),
                           Retry([&] { return send(fd, data->data, data->size, MSG_DONTWAIT | MSG_NOSIGNAL); }));
}

Napi::Value SocketSet::Receive(const Napi::CallbackInfo& info) {
  const int fd = Find(info);
  const auto into = BytesArgument(info, 1, "into");
  if (!into) return {};
  return Napi::Number::New(info.Env(), Retry([&] { return recv(fd, into->data, into->size, MSG_DONTWAIT); }));
}

Napi::Value SocketSet::Release(const Napi::CallbackInfo& info) {
  const int fd = Find(info);
  if (fd < 0) return Napi::Number::New(info.Env(), -EBADF);
  StateOf(fd) = State::kNone;
  epoll_ctl(epoll_.Get(), EPOLL_CTL_DEL, fd, nullptr);
  return Napi::Number::New(info.Env(), fd);
}

Napi::Value SocketSet::CloseOne(const Napi::CallbackInfo& info) {
  const int fd = Find(info);
  if (fd < 0) return Napi::Number::New(info.Env(), -EBADF);
  if (Idle(fd)) return Napi::Number::New(info.Env(), 0);
  StateOf(fd) = State::kNone;
  const Descriptor closing(fd);
  // A reset, if there is somebody to send it to. What is still connecting has nobody, and needs no call.
  if (info[1].ToBoolean()) {
    const linger at_once{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  return Napi::Number::New(info.Env(), 0);
}

// connect(2) of no family ends a call, by a reset where there is a connection, and gives the port back.
bool SocketSet::Idle(int fd) {
  const sa_family_t family = plain_[static_cast<size_t>(fd)];
  if (family != AF_INET && family != AF_INET6) return false;
  auto& idle = family == AF_INET ? idle_ipv4_ : idle_ipv6_;
  if (idle.size() >= kMostIdle) return false;
  const sockaddr nobody{AF_UNSPEC, {}};
  if (Retry([&] { return connect(fd, &nobody, sizeof nobody); }) < 0) return false;
  StateOf(fd) = State::kIdle;
  idle.push_back(fd);
  return true;
}

Napi::Value SocketSet::StartWatch(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) {
    Refuse(info, "onReady", "a function");
    return {};
  }
  return Napi::Number::New(info.Env(), watch_.Start(Value(), epoll_.Get(), info[0].As<Napi::Function>()));
}

void SocketSet::Hold(const Napi::CallbackInfo& info) { watch_.Hold(info[0].ToBoolean()); }

void SocketSet::End(const Napi::CallbackInfo&) { Shut(); }

int SocketSet::Find(const Napi::CallbackInfo& info) {
  const auto number = IntegerArgument(info, 0, "socket");
  if (!number || *number < 0 || static_cast<size_t>(*number) >= states_.size()) return -1;
  return StateOf(*number) == State::kOpen ? *number : -1;
}

SocketSet::State& SocketSet::StateOf(int fd) {
  const auto number = static_cast<size_t>(fd);
  if (states_.size() <= number) {
    states_.resize(std::max(number + 1, 2 * states_.size()));
    plain_.resize(states_.size());
  }
  return states_[number];
}

void SocketSet::Shut() {
  watch_.Close();
  for (size_t number = 0; number < states_.size(); number++) {
    if (states_[number] != State::kNone) const Descriptor closing(static_cast<int>(number));
  }
  states_.clear();
  plain_.clear();
  idle_ipv4_.clear();
  idle_ipv6_.clear();
  epoll_ = Descriptor();
}
