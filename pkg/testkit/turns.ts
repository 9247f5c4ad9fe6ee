/** How long the event loop was held up: the longest stretch that the main thread computed without giving others their turn. */

/**
 * Runs the work and answers the longest turn, in milliseconds of this thread's own processor time: what else the machine
 * does meanwhile does not count. What lies between two turns of the loop counts as one.
 */
export async function longestTurnMs(work: () => Promise<void>): Promise<number> {
  let longest = 0;
  let isOver = false;
  let before = process.threadCpuUsage();
  const look = () => {
    const spent = process.threadCpuUsage(before);
    longest = Math.max(longest, (spent.user + spent.system) / 1000);
    before = process.threadCpuUsage();
    if (!isOver) setImmediate(look);
  };
  setImmediate(look);
  try {
    await work();
  } finally {
    isOver = true;
    look();
  }
  return longest;
}
