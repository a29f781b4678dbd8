/**
 * The shapes that the client's modules, its events and the service share. Nothing runs here.
 *
 * @typedef {object} ServerAddress
 * @property {string} url absolute, or relative to the page; "." is the server the page came from
 * @property {string} [name] what people call it
 * @property {string} [key] where the server asks for one
 *
 * @typedef {object} Word
 * @property {string} word
 * @property {number} start seconds
 * @property {number} end seconds
 * @property {number} probability 0 to 1
 *
 * @typedef {object} Segment a final piece of the transcript
 * @property {number} id 0, 1, 2 … in the whole recording, whatever servers it went through
 * @property {number} start seconds since the recording's start
 * @property {number} end seconds since the recording's start
 * @property {string} text with the space that joins it to the text before
 * @property {number} confidence 0 to 1
 * @property {Word[]} [words]
 * @property {boolean} [gap] true where audio was lost; the text is then "[…]"
 *
 * @typedef {object} Problem
 * @property {string} code see problems.js
 * @property {string} message one English sentence for people
 * @property {string} detail what the browser or the server said
 * @property {boolean} fatal whether recording ends because of it
 * @property {string} [server] address of the server that it is about
 *
 * @typedef {"unknown"|"up"|"full"|"down"|"blocked"} ServerState
 *
 * @typedef {object} ServerStatus
 * @property {string} url
 * @property {string} name
 * @property {ServerState} state
 * @property {number|null} latencyMs round trip of the last probe
 * @property {string} detail what is in the way, if anything
 * @property {string} [reason] a code for it
 *
 * @typedef {"idle"|"starting"|"recording"|"paused"|"stopping"|"finished"|"failed"} State
 * @typedef {"none"|"ok"|"switched"|"waiting"} Connection
 *
 * @typedef {object} Status
 * @property {State} state
 * @property {Connection} connection "switched": on a server that is not the first; "waiting": none answers
 * @property {{url: string, name: string}|null} server the one in use
 * @property {ServerStatus[]} servers
 * @property {number|null} latencyMs round trip of the last chunk
 * @property {number|null} serverMs what the server itself took of that
 * @property {number} elapsedS recorded so far
 * @property {number} pendingS recorded, but not yet answered by a server
 * @property {number} batchS length of the batches just now
 * @property {number} inFlight requests under way
 * @property {string|null} language as detected
 * @property {string|null} watchUrl
 * @property {string|null} recordingId
 * @property {"mediarecorder"|"pcm"|null} source
 * @property {boolean} background whether the page is hidden
 *
 * @typedef {object} RecordingInfo
 * @property {string} id
 * @property {number} startedAt milliseconds since 1970
 * @property {number} durationS
 * @property {"unfinished"|"finished"} state
 * @property {string|null} language
 * @property {string} title its first words
 * @property {Segment[]} segments
 * @property {number} unsentS seconds whose text is not final
 *
 * @typedef {object} Options
 * @property {ServerAddress[]} [servers] preferred first; absent: the server this module came from
 * @property {string} [language] a code, or "auto"
 * @property {"transcribe"|"translate"} [task]
 * @property {string} [prompt]
 * @property {string} [hotwords]
 * @property {"auto"|"mediarecorder"|"pcm"} [source]
 * @property {string} [deviceId] of the microphone; "" is the default one
 * @property {boolean} [keep] keep what is not final in IndexedDB, against crashes; default true
 *
 * @typedef {object} ChunkReply what POST /transcribe and GET /sessions/{id} answer
 * @property {number} revision
 * @property {number} next_sequence
 * @property {string} partial
 * @property {number} stable_chars
 * @property {Segment[]} segments
 * @property {{seconds: number, segments: number}} settled
 * @property {{received: number, final: number, pending: number, silence: number}} audio_seconds
 * @property {{total: number}} [timing_ms] to a chunk, as the next two
 * @property {{lane: string, queue_ms: number, model_ms: number, audio_s: number}[]} [passes]
 * @property {number} [suggested_chunk_ms] how much audio the next chunks should have at least
 * @property {string|null} language
 * @property {string} [watch_id]
 * @property {boolean} final
 */

export {};
