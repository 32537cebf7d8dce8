//! Faults: which requests they hit, and what becomes of those.

/// A trouble, and the requests that it hits.
#[derive(Debug, Clone)]
pub struct Fault {
    /// Only requests with this verb count: `GET`, `PUT`, `HEAD`, `DELETE`, `LIST`; empty stands for all.
    pub verb: &'static str,
    /// Only requests whose key, or prefix, contains this count.
    pub part: &'static str,
    /// The first request that is hit, from 1.
    pub first: u64,
    /// How many are hit from then on.
    pub count: u64,
    /// The trouble that they are in.
    pub trouble: Trouble,
    seen: u64,
}

/// The trouble of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is not carried out, and answered with this status and code.
    Status(u16, &'static str),
    /// It is carried out, and answered with this status and code all the same.
    StatusAfter(u16, &'static str),
    /// Somebody on the way answers it with a page for people.
    Page(u16),
    /// It is carried out, and the connection ends without an answer.
    LostAnswer,
    /// It is not carried out, and the connection ends.
    NoAnswer,
    /// The connection ends while its body is on the way.
    CutRequest,
    /// The connection ends without an answer, and it is carried out later.
    Late,
    /// It is not carried out, and there is no answer.
    Hang,
    /// The body of the answer ends half-way.
    CutBody,
    /// The answer is about the first half of the object only, and says nothing of the rest.
    Shorter,
    /// One bit of the body of the answer is wrong.
    FlippedBit,
    /// The tag in the answer is another object's.
    WrongTag,
    /// It is not carried out: the bucket is in this region.
    OtherRegion(&'static str),
    /// The server takes its body in small pieces, and waits so many milliseconds before each.
    SlowRequest(u64),
}

impl Fault {
    /// The next request with this verb, and `part` in its key, is in trouble.
    pub fn once(verb: &'static str, part: &'static str, trouble: Trouble) -> Self {
        Fault { verb, part, first: 1, count: 1, trouble, seen: 0 }
    }

    /// All requests with this verb, and `part` in their keys, are in trouble.
    pub fn always(verb: &'static str, part: &'static str, trouble: Trouble) -> Self {
        Fault { count: u64::MAX, ..Fault::once(verb, part, trouble) }
    }

    /// The same from the request with this number on, from 1.
    pub fn from(self, first: u64) -> Self {
        Fault { first, ..self }
    }

    /// The trouble, if it hits this request.
    pub(super) fn strikes(&mut self, verb: &str, subject: &str) -> Option<Trouble> {
        if !(self.verb.is_empty() || self.verb == verb) || !subject.contains(self.part) {
            return None;
        }
        self.seen += 1;
        (self.seen >= self.first && self.seen - self.first < self.count).then_some(self.trouble)
    }
}
