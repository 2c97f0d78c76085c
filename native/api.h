#pragma once

// Node's API as every file here sees it.

#define NAPI_VERSION 8
#define NAPI_DISABLE_CPP_EXCEPTIONS
// A TypeError that can't be thrown because the worker is being terminated is dropped, not a reason to abort.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#define NODE_ADDON_API_DISABLE_DEPRECATED

#include <napi.h>
