// Loaded before a program that a launcher or a test started with an IPC channel: when that parent is gone, even killed
// outright, the program is asked to end as if by SIGTERM instead of living on unseen.
if (process.channel) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // Listening must not keep alive a program that has nothing left to do.
  process.channel.unref();
}
