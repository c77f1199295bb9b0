#define _GNU_SOURCE
#include "CBerth.h"
#include <linux/tcp.h>
#include <string.h>

static void copy(const struct tcp_info *from, struct berth_tcp_info *to) {
    to->state = from->tcpi_state;
    to->ca_state = from->tcpi_ca_state;
    to->retransmits = from->tcpi_retransmits;
    to->probes = from->tcpi_probes;
    to->backoff = from->tcpi_backoff;
    to->options = from->tcpi_options;
    to->snd_wscale = from->tcpi_snd_wscale;
    to->rcv_wscale = from->tcpi_rcv_wscale;
    to->delivery_rate_app_limited = from->tcpi_delivery_rate_app_limited;
    to->rto = from->tcpi_rto;
    to->ato = from->tcpi_ato;
    to->snd_mss = from->tcpi_snd_mss;
    to->rcv_mss = from->tcpi_rcv_mss;
    to->unacked = from->tcpi_unacked;
    to->sacked = from->tcpi_sacked;
    to->lost = from->tcpi_lost;
    to->retrans = from->tcpi_retrans;
    to->fackets = from->tcpi_fackets;
    to->last_data_sent = from->tcpi_last_data_sent;
    to->last_ack_sent = from->tcpi_last_ack_sent;
    to->last_data_recv = from->tcpi_last_data_recv;
    to->last_ack_recv = from->tcpi_last_ack_recv;
    to->pmtu = from->tcpi_pmtu;
    to->rcv_ssthresh = from->tcpi_rcv_ssthresh;
    to->rtt = from->tcpi_rtt;
    to->rttvar = from->tcpi_rttvar;
    to->snd_ssthresh = from->tcpi_snd_ssthresh;
    to->snd_cwnd = from->tcpi_snd_cwnd;
    to->advmss = from->tcpi_advmss;
    to->reordering = from->tcpi_reordering;
    to->rcv_rtt = from->tcpi_rcv_rtt;
    to->rcv_space = from->tcpi_rcv_space;
    to->total_retrans = from->tcpi_total_retrans;
    to->pacing_rate = from->tcpi_pacing_rate;
    to->max_pacing_rate = from->tcpi_max_pacing_rate;
    to->bytes_acked = from->tcpi_bytes_acked;
    to->bytes_received = from->tcpi_bytes_received;
    to->segs_out = from->tcpi_segs_out;
    to->segs_in = from->tcpi_segs_in;
    to->notsent_bytes = from->tcpi_notsent_bytes;
    to->min_rtt = from->tcpi_min_rtt;
    to->data_segs_in = from->tcpi_data_segs_in;
    to->data_segs_out = from->tcpi_data_segs_out;
    to->delivery_rate = from->tcpi_delivery_rate;
    to->busy_time = from->tcpi_busy_time;
    to->rwnd_limited = from->tcpi_rwnd_limited;
    to->sndbuf_limited = from->tcpi_sndbuf_limited;
    to->delivered = from->tcpi_delivered;
    to->delivered_ce = from->tcpi_delivered_ce;
    to->bytes_sent = from->tcpi_bytes_sent;
    to->bytes_retrans = from->tcpi_bytes_retrans;
    to->dsack_dups = from->tcpi_dsack_dups;
    to->reord_seen = from->tcpi_reord_seen;
    to->rcv_ooopack = from->tcpi_rcv_ooopack;
    to->snd_wnd = from->tcpi_snd_wnd;
}

// An older kernel fills only the front of the structure: the rest stays zero.
int berth_tcp_info_read(int fd, struct berth_tcp_info *info) {
    struct tcp_info raw;
    memset(&raw, 0, sizeof raw);
    socklen_t length = sizeof raw;
    if (getsockopt(fd, 6 /* IPPROTO_TCP */, TCP_INFO, &raw, &length) < 0) return -1;
    copy(&raw, info);
    return 0;
}

void berth_tcp_info_from_bytes(const void *bytes, size_t count, struct berth_tcp_info *info) {
    struct tcp_info raw;
    memset(&raw, 0, sizeof raw);
    memcpy(&raw, bytes, count < sizeof raw ? count : sizeof raw);
    copy(&raw, info);
}
