#include "winnow/core.h"

const char *wn_status_name(wn_status status)
{
    switch (status) {
#define WN_STATUS_NAME(name, value, text) \
    case WN_##name: return #name;
        WN_STATUS_MAP(WN_STATUS_NAME)
#undef WN_STATUS_NAME
    }
    return "?";
}

const char *wn_status_text(wn_status status)
{
    switch (status) {
#define WN_STATUS_TEXT(name, value, text) \
    case WN_##name: return text;
        WN_STATUS_MAP(WN_STATUS_TEXT)
#undef WN_STATUS_TEXT
    }
    return "unknown status";
}

const char *wn_version(void) { return WN_VERSION; }

int wn_version_number(void) { return WN_VERSION_NUMBER; }
