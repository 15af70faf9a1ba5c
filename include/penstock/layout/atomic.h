// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Scoped atomic operations, the same names for the host compiler, HIP and CUDA.
//
// Two rules of the protocol are build errors here:
//   - every operation names its scope; there is no default;
//   - a read-modify-write at system scope does not compile, because none may cross the bus (PCIe atomics are optional, and
//     where they are missing such an operation silently does nothing).
//
// Threads: every function may be called by any thread or lane. Words are 32- or 64-bit and naturally aligned.
#pragma once

#include "penstock/layout/target.h"

namespace penstock::layout {

/// Who must agree on the order. On the host every scope is the same machine-wide one.
enum class Scope {
  kWorkgroup,  // the lanes of one workgroup
  kDevice,     // every workgroup of the device ("agent" in HIP)
  kSystem,     // the host and other agents too: the two edges of the bus
};

/// What a read-modify-write orders. Acquire and release unless the caller can say why less is enough.
enum class Order { kRelaxed, kAcquire, kRelease, kAcquireRelease };

namespace atomic_internal {

#if defined(__CUDA_ARCH__)

template <Scope S>
PENSTOCK_HOST_DEVICE constexpr int ScopeOf() {
  return S == Scope::kWorkgroup ? __NV_THREAD_SCOPE_BLOCK
         : S == Scope::kDevice  ? __NV_THREAD_SCOPE_DEVICE
                                : __NV_THREAD_SCOPE_SYSTEM;
}
#define PENSTOCK_ATOMIC_LOAD(p, order, S) __nv_atomic_load_n(p, order, ScopeOf<S>())
#define PENSTOCK_ATOMIC_STORE(p, v, order, S) __nv_atomic_store_n(p, v, order, ScopeOf<S>())
#define PENSTOCK_ATOMIC_ADD(p, v, order, S) __nv_atomic_fetch_add(p, v, order, ScopeOf<S>())
#define PENSTOCK_ATOMIC_CAS(p, e, v, order, S) \
  __nv_atomic_compare_exchange_n(p, e, v, false, order, __NV_ATOMIC_RELAXED, ScopeOf<S>())
#define PENSTOCK_ORDER_RELAXED __NV_ATOMIC_RELAXED
#define PENSTOCK_ORDER_ACQUIRE __NV_ATOMIC_ACQUIRE
#define PENSTOCK_ORDER_RELEASE __NV_ATOMIC_RELEASE
#define PENSTOCK_ORDER_ACQ_REL __NV_ATOMIC_ACQ_REL

#elif defined(__HIP_DEVICE_COMPILE__)

template <Scope S>
PENSTOCK_HOST_DEVICE constexpr int ScopeOf() {
  return S == Scope::kWorkgroup ? __HIP_MEMORY_SCOPE_WORKGROUP
         : S == Scope::kDevice  ? __HIP_MEMORY_SCOPE_AGENT
                                : __HIP_MEMORY_SCOPE_SYSTEM;
}
#define PENSTOCK_ATOMIC_LOAD(p, order, S) __hip_atomic_load(p, order, ScopeOf<S>())
#define PENSTOCK_ATOMIC_STORE(p, v, order, S) __hip_atomic_store(p, v, order, ScopeOf<S>())
#define PENSTOCK_ATOMIC_ADD(p, v, order, S) __hip_atomic_fetch_add(p, v, order, ScopeOf<S>())
#define PENSTOCK_ATOMIC_CAS(p, e, v, order, S) \
  __hip_atomic_compare_exchange_strong(p, e, v, order, __ATOMIC_RELAXED, ScopeOf<S>())

#else

#define PENSTOCK_ATOMIC_LOAD(p, order, S) __atomic_load_n(p, order)
#define PENSTOCK_ATOMIC_STORE(p, v, order, S) __atomic_store_n(p, v, order)
#define PENSTOCK_ATOMIC_ADD(p, v, order, S) __atomic_fetch_add(p, v, order)
#define PENSTOCK_ATOMIC_CAS(p, e, v, order, S) __atomic_compare_exchange_n(p, e, v, false, order, __ATOMIC_RELAXED)

#endif

#if !defined(PENSTOCK_ORDER_RELAXED)
#define PENSTOCK_ORDER_RELAXED __ATOMIC_RELAXED
#define PENSTOCK_ORDER_ACQUIRE __ATOMIC_ACQUIRE
#define PENSTOCK_ORDER_RELEASE __ATOMIC_RELEASE
#define PENSTOCK_ORDER_ACQ_REL __ATOMIC_ACQ_REL
#endif

template <typename T>
constexpr bool kIsWord = sizeof(T) == 4 || sizeof(T) == 8;

}  // namespace atomic_internal

/// Loads a word; orders nothing. Requires: 32 or 64 bits, naturally aligned, as of all functions here.
template <Scope S, typename T>
PENSTOCK_HOST_DEVICE T LoadRelaxed(const T* word) {
  static_assert(atomic_internal::kIsWord<T>, "atomics are 32- or 64-bit words");
  using namespace atomic_internal;
  return PENSTOCK_ATOMIC_LOAD(const_cast<T*>(word), PENSTOCK_ORDER_RELAXED, S);
}

/// Loads a word with acquire at scope `S`: what its writer stored before the matching release is seen from here on.
template <Scope S, typename T>
PENSTOCK_HOST_DEVICE T LoadAcquire(const T* word) {
  static_assert(atomic_internal::kIsWord<T>, "atomics are 32- or 64-bit words");
  using namespace atomic_internal;
  return PENSTOCK_ATOMIC_LOAD(const_cast<T*>(word), PENSTOCK_ORDER_ACQUIRE, S);
}

/// Stores a word; orders nothing.
template <Scope S, typename T>
PENSTOCK_HOST_DEVICE void StoreRelaxed(T* word, T value) {
  static_assert(atomic_internal::kIsWord<T>, "atomics are 32- or 64-bit words");
  using namespace atomic_internal;
  PENSTOCK_ATOMIC_STORE(word, value, PENSTOCK_ORDER_RELAXED, S);
}

/// Stores a word with release at scope `S`: everything stored before it is seen by who acquires it.
template <Scope S, typename T>
PENSTOCK_HOST_DEVICE void StoreRelease(T* word, T value) {
  static_assert(atomic_internal::kIsWord<T>, "atomics are 32- or 64-bit words");
  using namespace atomic_internal;
  PENSTOCK_ATOMIC_STORE(word, value, PENSTOCK_ORDER_RELEASE, S);
}

/// Turns a relaxed load that has just seen what it waited for into an acquire. On a device it is one fence, so that a
/// polling loop stays relaxed and invalidates caches once, after success; on the host it is a second, acquiring load.
/// Requires: every value that `observed` can hold from now on was released after the one that was seen.
template <Scope S, typename T>
PENSTOCK_HOST_DEVICE void AcquireAfter(const T* observed) {
#if defined(__CUDA_ARCH__)
  (void)observed;  // the scope of a fence has to be a literal; of a fence that only acquires nvcc 13 makes a fence.sc
  if constexpr (S == Scope::kWorkgroup) __nv_atomic_thread_fence(__NV_ATOMIC_ACQ_REL, __NV_THREAD_SCOPE_BLOCK);
  if constexpr (S == Scope::kDevice) __nv_atomic_thread_fence(__NV_ATOMIC_ACQ_REL, __NV_THREAD_SCOPE_DEVICE);
  if constexpr (S == Scope::kSystem) __nv_atomic_thread_fence(__NV_ATOMIC_ACQ_REL, __NV_THREAD_SCOPE_SYSTEM);
#elif defined(__HIP_DEVICE_COMPILE__)
  (void)observed;
  if constexpr (S == Scope::kWorkgroup) __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
  if constexpr (S == Scope::kDevice) __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "agent");
  if constexpr (S == Scope::kSystem) __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "");
#else
  (void)LoadAcquire<S>(observed);
#endif
}

/// A look at a word that is looked at again and again: follow it with AcquireAfterWatching once it has changed. On NVIDIA it is
/// an acquire itself, which costs a look 50 ns, where a fence afterwards costs 600; on AMD that would invalidate caches at every
/// look.
template <Scope S, typename T>
PENSTOCK_HOST_DEVICE T LoadWatching(const T* word) {
#if defined(__CUDA_ARCH__)
  return LoadAcquire<S>(word);
#else
  return LoadRelaxed<S>(word);
#endif
}

/// See LoadWatching. Requires: as AcquireAfter.
template <Scope S, typename T>
PENSTOCK_HOST_DEVICE void AcquireAfterWatching(const T* word) {
#if defined(__CUDA_ARCH__)
  (void)word;
#else
  AcquireAfter<S>(word);
#endif
}

/// Adds and returns the previous value.
template <Scope S, Order O = Order::kAcquireRelease, typename T>
PENSTOCK_HOST_DEVICE T FetchAdd(T* word, T value) {
  static_assert(S != Scope::kSystem, "no read-modify-write crosses the bus: arbitrate in device memory");
  static_assert(atomic_internal::kIsWord<T>, "atomics are 32- or 64-bit words");
  using namespace atomic_internal;
  if constexpr (O == Order::kRelaxed) return PENSTOCK_ATOMIC_ADD(word, value, PENSTOCK_ORDER_RELAXED, S);
  if constexpr (O == Order::kAcquire) return PENSTOCK_ATOMIC_ADD(word, value, PENSTOCK_ORDER_ACQUIRE, S);
  if constexpr (O == Order::kRelease) return PENSTOCK_ATOMIC_ADD(word, value, PENSTOCK_ORDER_RELEASE, S);
  return PENSTOCK_ATOMIC_ADD(word, value, PENSTOCK_ORDER_ACQ_REL, S);
}

/// Stores `desired` if the word holds `expected`; otherwise leaves what it holds in `expected`. Acquire and release on success.
template <Scope S, typename T>
PENSTOCK_HOST_DEVICE bool CompareExchange(T* word, T& expected, T desired) {
  static_assert(S != Scope::kSystem, "no read-modify-write crosses the bus: arbitrate in device memory");
  static_assert(atomic_internal::kIsWord<T>, "atomics are 32- or 64-bit words");
  using namespace atomic_internal;
  return PENSTOCK_ATOMIC_CAS(word, &expected, desired, PENSTOCK_ORDER_ACQ_REL, S);
}

#undef PENSTOCK_ATOMIC_LOAD
#undef PENSTOCK_ATOMIC_STORE
#undef PENSTOCK_ATOMIC_ADD
#undef PENSTOCK_ATOMIC_CAS
#undef PENSTOCK_ORDER_RELAXED
#undef PENSTOCK_ORDER_ACQUIRE
#undef PENSTOCK_ORDER_RELEASE
#undef PENSTOCK_ORDER_ACQ_REL

}  // namespace penstock::layout
