// The errors of a call to the platform.

/** The platform refused the call. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.errors?.[0]?.detail ?? problem?.detail ?? `status ${status}`);
    this.status = status;
  }

  /** True if the same call may succeed later. */
  get isPassing() {
    return this.status >= 500 || this.status === 429;
  }
}

/** The platform cannot be reached, or its answer is incomplete. */
export class Lost extends Error {
  isPassing = true;
}

/** A reason to show the sign-in page: `why` names one of its texts, `detail` goes into the text. */
export class SignedOut extends Error {
  constructor(why, detail = "") {
    super(why);
    this.why = why;
    this.detail = detail;
  }
}
