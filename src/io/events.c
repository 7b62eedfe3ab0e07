#include "io/events.h"

#include <string.h>

#include "base/fail.h"
#include "base/text.h"

/* Reflected polynomial 0x82f63b78, bit by bit: events are a few dozen bytes. */
uint32_t wn__crc32c(const void *data, size_t size)
{
    const unsigned char *b = data;
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++) {
        crc ^= b[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    }
    return ~crc;
}

/* TFRecord stores CRCs masked, so that a CRC over data with CRCs in it stays a good one. */
static uint32_t masked_crc(const void *data, size_t size)
{
    const uint32_t crc = wn__crc32c(data, size);
    return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

/* ---- protobuf wire format: the few field kinds that events use */

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };

static void add_varint(wn__text *t, uint64_t value)
{
    unsigned char bytes[10];
    size_t n = 0;
    for (; value > 127; value >>= 7)
        bytes[n++] = (unsigned char)(value | 128);
    bytes[n++] = (unsigned char)value;
    wn__text_add_bytes(t, bytes, n);
}

static void add_tag(wn__text *t, int field, int wire) { add_varint(t, (uint64_t)(field << 3 | wire)); }

static void add_bytes(wn__text *t, int field, const void *data, size_t size)
{
    add_tag(t, field, BYTES);
    add_varint(t, size);
    wn__text_add_bytes(t, data, size);
}

/* Adds `part` as a message field of `t` and releases it. */
static void add_message(wn__text *t, int field, wn__text *part)
{
    add_bytes(t, field, part->data, part->size);
    t->failed |= part->failed;
    wn__text_release(part);
}

/* Event: 1 wall_time (double), 2 step (int64), 3 file_version (string), 5 summary (message). */
static void begin_event(wn__text *event, double wall_time, int64_t step)
{
    add_tag(event, 1, FIXED64);
    wn__text_add_bytes(event, &wall_time, sizeof(wall_time));
    if (step) {
        add_tag(event, 2, VARINT);
        add_varint(event, (uint64_t)step);
    }
}

static wn_status write_record(wn__events *e, wn__text *event)
{
    wn__text record = {0};
    const uint64_t length = event->size;
    const uint32_t length_crc = masked_crc(&length, sizeof(length)), data_crc = masked_crc(event->data, event->size);
    wn__text_add_bytes(&record, &length, sizeof(length));
    wn__text_add_bytes(&record, &length_crc, sizeof(length_crc));
    wn__text_add_bytes(&record, event->data, event->size);
    wn__text_add_bytes(&record, &data_crc, sizeof(data_crc));
    const wn_status status = record.failed || event->failed ? wn__fail(WN_ENOMEM, "%s: out of memory for an event", e->file.path)
                                                            : wn__append_write(&e->file, record.data, record.size);
    wn__text_release(&record);
    wn__text_release(event);
    return status;
}

/* Wraps a Summary.Value into Summary (1 value) and Event, and writes it. */
static wn_status write_value(wn__events *e, int64_t step, double wall_time, wn__text *value)
{
    wn__text event = {0}, summary = {0};
    begin_event(&event, wall_time, step);
    add_message(&summary, 1, value);
    add_message(&event, 5, &summary);
    return write_record(e, &event);
}

wn_status wn__events_open(wn__events *e, const char *path, int64_t length, double wall_time)
{
    static const char version[] = "brain.Event:2";
    wn__events opened = {0};
    int64_t size;
    WN_TRY(wn__append_open(&opened.file, path, length));
    wn_status status = wn__append_sync(&opened.file, &size);
    if (status == WN_OK && size == 0) {
        wn__text event = {0};
        begin_event(&event, wall_time, 0);
        add_bytes(&event, 3, version, strlen(version));
        status = write_record(&opened, &event);
    }
    if (status != WN_OK) {
        wn__append_close(&opened.file);
        return status;
    }
    *e = opened;
    return WN_OK;
}

/* Event: 7 session_log (message: 1 status, of which 1 is START). Readers drop events of this step and later ones that came before. */
wn_status wn__events_start(wn__events *e, int64_t step, double wall_time)
{
    wn__text event = {0}, log = {0};
    begin_event(&event, wall_time, step);
    add_tag(&log, 1, VARINT);
    add_varint(&log, 1);
    add_message(&event, 7, &log);
    return write_record(e, &event);
}

/* Summary.Value: 1 tag, 2 simple_value (float). */
wn_status wn__events_scalar(wn__events *e, const char *tag, int64_t step, double wall_time, float value)
{
    wn__text v = {0};
    add_bytes(&v, 1, tag, strlen(tag));
    add_tag(&v, 2, FIXED32);
    wn__text_add_bytes(&v, &value, sizeof(value));
    return write_value(e, step, wall_time, &v);
}

wn_status wn__events_sync(wn__events *e, int64_t *length) { return wn__append_sync(&e->file, length); }

wn_status wn__events_close(wn__events *e) { return wn__append_close(&e->file); }
