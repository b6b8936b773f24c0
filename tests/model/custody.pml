/*
 * Custody of one delivery, as docs/DESIGN.md has it: three processes with a log each, a receiver
 * with a database, a submitter, and people who cancel, replay, undo and resolve.
 *
 * What is abstracted, and why nothing is lost by it:
 *
 * - A log is the set of its records about the delivery: d? is what is durable. A step's records
 *   are one block. Nothing leaves before its block is synced, so deciding and syncing are one step
 *   here, and a crash between them is a crash before the decision. With PENDING they are two: v? is
 *   what was appended and is not synced, a crash keeps all of it or none, and SYNCED and SEEN say
 *   who must not act on it.
 * - Reading a log copies what the reader cares for of it into k??. A reader that lags is one that
 *   has not copied yet. A process that is down is one that does nothing; so its crash and its start
 *   are one step, which forgets all k?? and reads all logs to their ends.
 * - Channels lose, double and reorder: a message that was sent stays under way for ever. It is
 *   taken at any time, any number of times, or never.
 * - Attempts have tokens that are never used again. All that a token does is to tell the
 *   outstanding attempt from all before it: when an attempt is over, what is under way for it is
 *   old. So tokens have no bound here. Of the outcomes of old attempts only DONE says anything.
 * - A lease may run out at any time, and RETRY is no more than that. To the producer and the
 *   scheduler FENCED is REJECT.
 * - Who dies after the commit and before the answer has sent an answer that nobody takes.
 * - No fence is refused: that takes a key that stands for other content. It would open the case that
 *   used-up tries open, or leave a case as it is.
 *
 * - Every process may crash at any moment and any number of times, until it is calm; a crash is not
 *   counted, so that a state after two crashes is the state that it is after one. With CRASHES=0 it
 *   is calm from the start.
 *
 * Bounds: one delivery, TRIES attempts on a schedule and in compensation, one replay, one cancel,
 * and LIVES lives of the same biz_id, each submitted again after the one before was forgotten.
 *
 * tests/model/run.sh runs it. MUTANT_... seeds one bug, which must be found.
 */
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef TRIES
#define TRIES 1
#endif
#ifndef LIVES
#define LIVES 1
#endif

/* The producer's log. */
#define P_ACCEPTED 1
#define P_TO_S 2      /* MOVED, turn 2, to the scheduler */
#define P_TO_C 4      /* MOVED, turn 2, to the compensator */
#define P_DONE 8      /* DONE or EVIDENCE */
#define P_CANCELLED 16
#define P_ENDED 32    /* learned elsewhere */
#define P_ASKED 64    /* cancel, of a turn before the replay's */
#define P_ASKED_4 128 /* cancel, of the replay's turn or later */
/* The scheduler's. */
#define S_TAKEN 1  /* turn 2 */
#define S_GIVEN 2  /* MOVED, turn 3, to the compensator */
#define S_TAKEN_4 4
#define S_GIVEN_5 8
#define S_DONE 16
#define S_ENDED 32
/* The compensator's. */
#define C_TAKEN 1 /* turn 2 or 3 */
#define C_CASE 2  /* with a copy of the notification */
#define C_REPLAY 4 /* MOVED, turn 4, to the scheduler */
#define C_TAKEN_5 8
#define C_CASE_5 16
#define C_FENCED 32 /* the case cannot be replayed */
#define C_UNDO 64   /* ORDER */
#define C_RESOLVE 128 /* ORDER */
#define C_UNDONE 256
#define C_CANCELLED 512
#define C_RESOLVED 1024
#define C_UNFENCED 2048 /* resolved without a fence */
#define C_DONE 4096
#define C_ENDED 8192

/* Outcomes under way, a set. */
#define O_DONE 1
#define O_REJECT 2
#define O_FENCED 4 /* of the compensator's jobs */
#define O_UNDONE 8
#ifdef MUTANT_LATE_REJECT
#define O_OLD (O_DONE | O_REJECT)
#else
#define O_OLD O_DONE
#endif

/* What the receiver is asked for, a set when it is old. */
#define J_APPLY 1
#define J_UNDO 2
#define J_FENCE 4

short dP, dS, dC;
#ifdef PENDING
short vP, vS, vC;
#else
#define vP 0
#define vS 0
#define vC 0
#endif
short kPS, kPC, kSP, kSC, kCP, kCS;

bool openP, openS; /* an attempt is outstanding, and may be under way */
byte jobC;         /* the same of the compensator: which */
bool oldP, oldS;   /* an old attempt is under way */
byte oldC;
byte outP, outS, outC; /* outcomes of the outstanding attempt */
byte lateP, lateS, lateC; /* of old ones */

bool freshP; /* accepted in this run of the producer, and never sent */
byte triedS, triedC;
bool calm = CRASHES == 0; /* no crash any more */
bool undo_mode; /* the subscription compensates by undoing */

byte effects;
bool fence;

/* What the world was told. */
bool acked;
byte told; /* an end: see FOLD */
bool cancel_wanted;
bool dropped; /* the notification's segment of the producer's log */
byte life = 1;
byte earlier; /* effects of earlier lives: a later one may be cancelled and never sent */

#define DONE_ANY(p, s, c) (((p) & P_DONE) || ((s) & S_DONE) || ((c) & C_DONE))
#define NOT_ANY(p, c) (((p) & P_CANCELLED) || ((c) & (C_UNDONE | C_CANCELLED | C_RESOLVED | C_UNFENCED)))
#define END_ANY(p, s, c) (DONE_ANY(p, s, c) || NOT_ANY(p, c))
/* A state is a maximum. */
#define FOLD(p, s, c) \
    (DONE_ANY(p, s, c) -> 1 : (NOT_ANY(p, c) -> 2 : 0))

#define C_NOT (C_UNDONE | C_CANCELLED | C_RESOLVED | C_UNFENCED)
#define CLOSED_C (C_UNDONE | C_CANCELLED | C_RESOLVED | C_UNFENCED | C_DONE | C_ENDED)
#define HAS_P(l) (((l) & P_ACCEPTED) && !((l) & (P_TO_S | P_TO_C | P_DONE | P_CANCELLED | P_ENDED)))
#define HAS_S2(l) (((l) & S_TAKEN) && !((l) & (S_GIVEN | S_DONE | S_ENDED)))
#define HAS_S4(l) (((l) & S_TAKEN_4) && !((l) & (S_GIVEN_5 | S_DONE | S_ENDED)))
#define HAS_C3(l) (((l) & C_TAKEN) && !((l) & (C_REPLAY | CLOSED_C)))
#define HAS_C5(l) (((l) & C_TAKEN_5) && !((l) & CLOSED_C))
#define HAS_S(l) (HAS_S2(l) || HAS_S4(l))
#define HAS_C(l) (HAS_C3(l) || HAS_C5(l))
#define IS_CASE(l) ((HAS_C3(l) && ((l) & C_CASE)) || (HAS_C5(l) && ((l) & C_CASE_5)))
#define IS_CASE_KNOWN(k) (((k) & (C_CASE | C_REPLAY)) == C_CASE || ((k) & C_CASE_5))
#define ORDERED(l) ((l) & (C_UNDO | C_RESOLVE))

#define CUSTODIANS (HAS_P(dP | vP) + HAS_S(dS | vS) + HAS_C(dC | vC))

#define S_GIVES (HAS_S4(dS) -> S_GIVEN_5 : S_GIVEN)
#define OPEN_CASE (HAS_C5(dC) -> C_CASE_5 : C_CASE)
#ifdef MUTANT_REPLAY_FENCED
#define MAY_REPLAY true
#else
#define MAY_REPLAY (!ORDERED(dC) && !(dC & C_FENCED))
#endif
#define ALL_TAKEN \
    ((!(dP & P_TO_S) || (dS & S_TAKEN)) && (!(dP & P_TO_C) || (dC & C_TAKEN)) && \
     (!(dS & S_GIVEN) || (dC & C_TAKEN)) && (!(dS & S_GIVEN_5) || (dC & C_TAKEN_5)) && \
     (!(dC & C_REPLAY) || (dS & S_TAKEN_4)))

/* A cancel counts until a replay that came after it; a case is a person's. */
#define CANCEL_2(asked) ((asked) & (P_ASKED | P_ASKED_4))
#ifdef MUTANT_OLD_CANCEL
#define CANCEL_4(asked) ((asked) & (P_ASKED | P_ASKED_4))
#else
#define CANCEL_4(asked) ((asked) & P_ASKED_4)
#endif
#define CANCEL_S(l) ((HAS_S2(l) && CANCEL_2(kSP)) || (HAS_S4(l) && CANCEL_4(kSP)))
#define CANCEL_C(l) (!IS_CASE(l) && ((HAS_C3(l) && CANCEL_2(kCP)) || (HAS_C5(l) && CANCEL_4(kCP))))

/* Whoever sends needs the notification's bytes. */
#define BYTES (!dropped || (dC & (C_CASE | C_CASE_5)))

/* Promises that hold at every moment. */
#define ONCE (effects <= 1)
#define NEVER_BOTH (!(effects > 0 && fence))
#define NEVER_AFTER (!(effects > earlier && NOT_ANY(dP, dC) && !(dC & C_UNFENCED)))
#define ONE_CUSTODIAN (CUSTODIANS <= 1)
#define ACKED_IS_SYNCED (!acked || (dP & P_ACCEPTED))
/* Only the custodian's record ends a turn: never given to two. */
#define GIVEN_ONCE (!((dP & P_TO_S) && (dP & P_TO_C)))
#define CANCEL_IN_TIME (!((dC & C_CANCELLED) && (dC & C_REPLAY) && !(dP & P_ASKED_4)))
#define PROMISES \
    (ONCE && NEVER_BOTH && NEVER_AFTER && ONE_CUSTODIAN && ACKED_IS_SYNCED && GIVEN_ONCE && CANCEL_IN_TIME)

#define ENDED_OR_CASE (END_ANY(dP, dS, dC) || IS_CASE(dC))

#ifdef PENDING
#define WRITE_P(records) vP = records
#define WRITE_S(records) vS = records
#define WRITE_C(records) vC = records
#else
#define WRITE_P(records) dP = dP | records
#define WRITE_S(records) dS = dS | records
#define WRITE_C(records) dC = dC | records
#endif
#ifdef MUTANT_SEND_BEFORE_SYNC
#define SYNCED(v) true
#else
#define SYNCED(v) ((v) == 0)
#endif
#ifdef MUTANT_READ_UNSYNCED
#define SEEN(d, v) ((d) | (v))
#else
#define SEEN(d, v) (d)
#endif

/* What of another's log is cared for. */
#define SEEN_PS (SEEN(dS, vS) & S_DONE)
#define SEEN_PC (SEEN(dC, vC) & (C_CASE | C_REPLAY | C_CASE_5 | C_NOT | C_DONE))
#define SEEN_SP (SEEN(dP, vP) & (P_TO_S | P_DONE | P_CANCELLED | P_ASKED | P_ASKED_4))
#define SEEN_SC (SEEN(dC, vC) & (C_REPLAY | C_NOT | C_DONE))
#define SEEN_CP (SEEN(dP, vP) & (P_TO_C | P_DONE | P_ASKED | P_ASKED_4))
#define SEEN_CS (SEEN(dS, vS) & (S_GIVEN | S_GIVEN_5 | S_DONE))

/* An attempt is over: what is under way for it is old now. */
#define LATE(late, out) late = late | (out & O_OLD); out = 0
#define OVER_P oldP = oldP | openP; openP = false; LATE(lateP, outP)
#define OVER_S oldS = oldS | openS; openS = false; LATE(lateS, outS)
#define OVER_C oldC = oldC | jobC; jobC = 0; LATE(lateC, outC)

#ifdef PENDING
inline crash_tail(d, v)
{
    if
    :: v != 0 -> d = d | v /* it had reached the disk */
    :: true
    fi;
    v = 0
}
#define CRASH_TAIL(d, v) crash_tail(d, v)
#else
#define CRASH_TAIL(d, v) skip
#endif

proctype producer()
{
end:
    do
    /* SUBMIT; the same again is answered when the first is synced. */
    :: d_step { vP == 0 && !(dP & P_ACCEPTED) -> WRITE_P(P_ACCEPTED); freshP = true }
    :: d_step { (dP & P_ACCEPTED) && !acked -> acked = true }
#ifdef MUTANT_DUPLICATE_BEFORE_SYNC
    :: d_step { (vP & P_ACCEPTED) && !acked -> acked = true }
#endif
#ifdef PENDING
    :: d_step { vP != 0 -> dP = dP | vP; vP = 0 }
#endif

    /* First delivery. */
    :: d_step { HAS_P(dP | vP) && SYNCED(vP) && !openP -> openP = true; freshP = false }
    :: d_step { openP && vP == 0 && (outP & O_DONE) -> WRITE_P(P_DONE); OVER_P }
    :: d_step { openP && vP == 0 && (outP & O_REJECT) -> WRITE_P(P_TO_C); OVER_P }
    :: d_step { openP && vP == 0 -> WRITE_P(P_TO_S); OVER_P } /* the lease is over */
    :: d_step { vP == 0 && (dP & P_ACCEPTED) && (lateP & O_DONE) && !(dP & P_DONE) ->
        WRITE_P(P_DONE); OVER_P }
#ifdef MUTANT_LATE_REJECT
    :: d_step { vP == 0 && (dP & P_ACCEPTED) && (lateP & O_REJECT) && !(dP & P_TO_C) ->
        WRITE_P(P_TO_C); OVER_P }
#endif

    /* Cancel: at once what was never sent, else a request. */
#ifdef MUTANT_CANCEL_AT_ONCE
    :: d_step { vP == 0 && !cancel_wanted && HAS_P(dP) && !openP ->
#else
    :: d_step { vP == 0 && !cancel_wanted && HAS_P(dP) && freshP ->
#endif
        cancel_wanted = true; WRITE_P(P_CANCELLED) }
    :: d_step { vP == 0 && !cancel_wanted && HAS_P(dP) && !freshP ->
        cancel_wanted = true; WRITE_P(P_ASKED | P_TO_C); OVER_P }
    :: d_step { vP == 0 && !cancel_wanted && (dP & (P_TO_S | P_TO_C)) && !END_ANY(dP, kPS, kPC) &&
               !IS_CASE_KNOWN(kPC) ->
        cancel_wanted = true;
        if
        :: kPC & C_REPLAY -> WRITE_P(P_ASKED_4)
        :: else -> WRITE_P(P_ASKED)
        fi }

    /* Others' logs. */
    :: d_step { kPS != SEEN_PS -> kPS = SEEN_PS }
    :: d_step { kPC != SEEN_PC -> kPC = SEEN_PC }
    :: d_step { vP == 0 && END_ANY(0, kPS, kPC) && !(dP & (P_ENDED | P_DONE)) ->
        WRITE_P(P_ENDED); OVER_P }

    /* QUERY: no answer goes back. */
    :: d_step { vP == 0 && FOLD(dP, kPS, kPC) != told ->
        assert(told == 0 || (kPC & C_UNFENCED)); told = FOLD(dP, kPS, kPC) }

    /* Trimming: behind an end, or a case that was copied. */
#ifdef MUTANT_DROPPED_EARLY
    :: d_step { vP == 0 && !dropped && (dP & (P_TO_S | P_TO_C)) -> dropped = true }
#else
    :: d_step { vP == 0 && !dropped && (kPC & C_CASE) -> dropped = true }
#endif

    /* The retention is over and every log has the end: forgotten, and submitted again. */
    :: d_step { life < LIVES && vP == 0 && vS == 0 && vC == 0 &&
               (dP & (P_DONE | P_CANCELLED | P_ENDED)) && !HAS_S(dS) && !HAS_C(dC) && ALL_TAKEN &&
               !(dC & C_UNFENCED) ->
        OVER_P; OVER_S; OVER_C;
        /* What is still under way meets what the database holds, and its answer nobody. */
        assert(effects > 0 || fence || (!oldP && !oldS && !oldC));
        life++; earlier = effects; dP = 0; dS = 0; dC = 0;
        oldP = false; oldS = false; oldC = 0; lateP = 0; lateS = 0; lateC = 0;
        kPS = 0; kPC = 0; kSP = 0; kSC = 0; kCP = 0; kCS = 0;
        acked = false; told = 0; dropped = false; cancel_wanted = false; triedS = 0; triedC = 0 }

    :: atomic { !calm && dP + vP != 0 -> CRASH_TAIL(dP, vP); OVER_P;
        freshP = false;
#ifdef MUTANT_ANSWER_BEFORE_READING
        kPS = 0; kPC = 0
#else
        kPS = SEEN_PS; kPC = SEEN_PC
#endif
       }
    od
}

proctype scheduler()
{
end:
    do
#ifdef PENDING
    :: d_step { vS != 0 -> dS = dS | vS; vS = 0 }
#endif
    :: d_step { kSP != SEEN_SP -> kSP = SEEN_SP }
    :: d_step { kSC != SEEN_SC -> kSC = SEEN_SC }

    :: d_step { vS == 0 && (kSP & P_TO_S) && !(dS & S_TAKEN) -> WRITE_S(S_TAKEN); triedS = 0 }
    :: d_step { vS == 0 && (kSC & C_REPLAY) && !(dS & S_TAKEN_4) ->
        WRITE_S(S_TAKEN_4); triedS = 0 }

    :: d_step { HAS_S(dS | vS) && SYNCED(vS) && !openS && triedS < TRIES &&
               !END_ANY(kSP, dS, kSC) && !CANCEL_S(dS | vS) ->
        assert(BYTES); openS = true }
    :: d_step { openS && vS == 0 && (outS & O_DONE) -> WRITE_S(S_DONE); OVER_S }
    :: d_step { openS && vS == 0 && (outS & O_REJECT) -> WRITE_S(S_GIVES); OVER_S }
    :: d_step { openS && vS == 0 -> /* the lease is over */
        triedS++; OVER_S;
        if
        :: triedS == TRIES -> WRITE_S(S_GIVES)
        :: else
        fi }
    /* The schedule was used up, and a crash took the move. */
    :: d_step { !openS && vS == 0 && HAS_S(dS) && triedS == TRIES -> WRITE_S(S_GIVES) }
    :: d_step { vS == 0 && (lateS & O_DONE) && (dS & S_TAKEN) && !(dS & S_DONE) ->
        WRITE_S(S_DONE); OVER_S }
    :: d_step { vS == 0 && HAS_S(dS) && CANCEL_S(dS) -> WRITE_S(S_GIVES); OVER_S }
    :: d_step { vS == 0 && HAS_S(dS) && END_ANY(kSP, 0, kSC) -> WRITE_S(S_ENDED); OVER_S }

    :: atomic { !calm && dS + vS != 0 -> CRASH_TAIL(dS, vS); OVER_S;
        kSP = SEEN_SP; kSC = SEEN_SC }
    od
}

proctype compensator()
{
end:
    do
#ifdef PENDING
    :: d_step { vC != 0 -> dC = dC | vC; vC = 0 }
#endif
    :: d_step { kCP != SEEN_CP -> kCP = SEEN_CP }
    :: d_step { kCS != SEEN_CS -> kCS = SEEN_CS }

    :: d_step { vC == 0 && ((kCP & P_TO_C) || (kCS & S_GIVEN)) && !(dC & C_TAKEN) ->
        WRITE_C(C_TAKEN); triedC = 0 }
    :: d_step { vC == 0 && (kCS & S_GIVEN_5) && !(dC & C_TAKEN_5) ->
        WRITE_C(C_TAKEN_5); triedC = 0 }

    /* What the receiver is asked for. */
    :: d_step { HAS_C(dC | vC) && SYNCED(vC) && jobC == 0 && !END_ANY(kCP, kCS, dC) &&
               (CANCEL_C(dC | vC) || (IS_CASE(dC | vC) && ((dC | vC) & C_RESOLVE))) ->
        jobC = J_FENCE }
    :: d_step { HAS_C(dC | vC) && SYNCED(vC) && jobC == 0 && !END_ANY(kCP, kCS, dC) &&
               IS_CASE(dC | vC) && ((dC | vC) & C_UNDO) ->
        jobC = J_UNDO }
    :: d_step { HAS_C(dC | vC) && SYNCED(vC) && jobC == 0 && !END_ANY(kCP, kCS, dC) &&
               !CANCEL_C(dC | vC) && !IS_CASE(dC | vC) && triedC < TRIES ->
        assert(BYTES); jobC = (undo_mode -> J_UNDO : J_APPLY) }
    /* The tries were used up, and a crash took the case. */
    :: d_step { vC == 0 && jobC == 0 && HAS_C(dC) && !IS_CASE(dC) && !CANCEL_C(dC) &&
               triedC == TRIES ->
        WRITE_C(OPEN_CASE | (undo_mode -> C_FENCED : 0)) }

    /* What it says. */
    :: d_step { vC == 0 && jobC && (outC & O_DONE) -> WRITE_C(C_DONE); OVER_C }
    :: d_step { vC == 0 && jobC == J_UNDO && (outC & O_UNDONE) -> WRITE_C(C_UNDONE); OVER_C }
#ifdef MUTANT_CLOSED_WITHOUT_FENCE
    :: d_step { vC == 0 && jobC == J_FENCE ->
#else
    :: d_step { vC == 0 && jobC == J_FENCE && (outC & O_FENCED) ->
#endif
        if
        :: IS_CASE(dC) -> WRITE_C(C_RESOLVED)
        :: else -> WRITE_C(C_CANCELLED)
        fi;
        OVER_C }
    :: d_step { vC == 0 && jobC == J_APPLY && (outC & O_FENCED) ->
        WRITE_C(OPEN_CASE | C_FENCED); OVER_C }
    :: d_step { vC == 0 && !IS_CASE(dC) && (jobC & (J_APPLY | J_UNDO)) && (outC & O_REJECT) ->
#ifdef MUTANT_UNDO_TRY_UNFENCED
        WRITE_C(OPEN_CASE);
#else
        WRITE_C(OPEN_CASE | (undo_mode -> C_FENCED : 0));
#endif
        OVER_C }
    /* The lease is over; what a person or a cancel wants is asked for without limit. */
    :: d_step { vC == 0 && !IS_CASE(dC) && (jobC & (J_APPLY | J_UNDO)) && triedC < TRIES ->
        triedC++; OVER_C }
    :: d_step { vC == 0 && (lateC & O_DONE) && (dC & C_TAKEN) && !(dC & C_DONE) ->
        WRITE_C(C_DONE); OVER_C }
    :: d_step { vC == 0 && HAS_C(dC) && END_ANY(kCP, kCS, 0) -> WRITE_C(C_ENDED); OVER_C }

    /* A person decides a case. */
    :: d_step { vC == 0 && IS_CASE(dC) && !(dC & C_REPLAY) && MAY_REPLAY ->
        assert(!fence || life > 1); /* it could only come back */
        WRITE_C(C_REPLAY); OVER_C }
    :: d_step { vC == 0 && IS_CASE(dC) && !ORDERED(dC) -> WRITE_C(C_UNDO) }
    :: d_step { vC == 0 && IS_CASE(dC) && !ORDERED(dC) -> WRITE_C(C_RESOLVE) }
    :: d_step { vC == 0 && IS_CASE(dC) && !ORDERED(dC) -> WRITE_C(C_UNFENCED); OVER_C }

    :: atomic { !calm && dC + vC != 0 -> CRASH_TAIL(dC, vC); OVER_C;
        kCP = SEEN_CP; kCS = SEEN_CS }
    od
}

/* The database holds the effect or a fence. */
#ifdef MUTANT_EFFECT_BESIDE_FENCE
#define FREE (effects == 0)
#else
#define FREE (effects == 0 && !fence)
#endif
#ifdef MUTANT_APPLIED_TWICE
#define AGAIN (effects == 1)
#else
#define AGAIN false
#endif
#ifdef MUTANT_FENCE_FORGOTTEN
#define SET_FENCE
#else
#define SET_FENCE fence = true;
#endif

/* An attempt of the producer or the scheduler arrives; once more, too, until it was DONE. */
inline apply(out)
{
    if
    :: effects > 0 && !AGAIN -> out = out | O_DONE
    :: FREE || AGAIN -> effects++; out = out | O_DONE
    :: effects == 0 && !(out & O_REJECT) -> out = out | O_REJECT /* a fence, or its business */
    fi
}

/* The same, late: only DONE says anything. */
inline apply_late(late)
{
    if
    :: effects > 0 && !AGAIN -> late = late | O_DONE
    :: FREE || AGAIN -> effects++; late = late | O_DONE
#ifdef MUTANT_LATE_REJECT
    :: effects == 0 && !(late & O_REJECT) -> late = late | O_REJECT
#endif
    fi
}

#define MAY_APPLY(out) (!((out) & O_DONE) && (effects > 0 || FREE || !((out) & O_REJECT)))
#define MAY_APPLY_LATE(late) (!((late) & O_DONE) && (effects > 0 || FREE))

proctype receiver()
{
end:
    do
    :: atomic { openP && MAY_APPLY(outP) -> apply(outP) }
    :: atomic { openS && MAY_APPLY(outS) -> apply(outS) }
    :: atomic { oldP && MAY_APPLY_LATE(lateP) -> apply_late(lateP) }
    :: atomic { oldS && MAY_APPLY_LATE(lateS) -> apply_late(lateS) }
    :: atomic { (oldC & J_APPLY) && MAY_APPLY_LATE(lateC) -> apply_late(lateC) }
    :: d_step { (oldC & (J_UNDO | J_FENCE)) && effects > 0 && !(lateC & O_DONE) ->
        lateC = lateC | O_DONE }
    :: d_step { (oldC & (J_UNDO | J_FENCE)) && effects == 0 && !fence -> fence = true }

    :: d_step { jobC && effects > 0 && !(outC & O_DONE) -> outC = outC | O_DONE }
    :: d_step { jobC == J_APPLY && FREE && !(outC & O_DONE) -> effects++; outC = outC | O_DONE }
    :: d_step { jobC == J_APPLY && FREE && !(outC & O_REJECT) -> outC = outC | O_REJECT }
    :: d_step { jobC == J_APPLY && effects == 0 && fence && !(outC & O_FENCED) ->
        outC = outC | O_FENCED }
    :: d_step { jobC == J_UNDO && effects == 0 && !(outC & O_UNDONE) ->
        fence = true; outC = outC | O_UNDONE }
    :: d_step { jobC == J_UNDO && effects == 0 && !(outC & O_REJECT) -> /* its own action failed */
        fence = true; outC = outC | O_REJECT }
    :: d_step { jobC == J_FENCE && effects == 0 && !(outC & O_FENCED) ->
        SET_FENCE outC = outC | O_FENCED }
    od
}

active proctype monitor()
{
end:
    do
    :: d_step { !calm -> calm = true }
    :: d_step { !(PROMISES) ->
        assert(ONCE); assert(NEVER_BOTH); assert(NEVER_AFTER); assert(ONE_CUSTODIAN);
        assert(ACKED_IS_SYNCED); assert(GIVEN_ONCE); assert(CANCEL_IN_TIME) }
    :: timeout -> assert(!acked || ENDED_OR_CASE); break
    od
}

init
{
    atomic {
        if
        :: undo_mode = true
        :: undo_mode = false
        fi;
        run producer();
        run scheduler();
        run compensator();
        run receiver()
    }
}

/* Who crashes for ever gets nowhere: after the last crash. */
ltl reached { [] ((acked && calm) -> <> (ENDED_OR_CASE)) }
