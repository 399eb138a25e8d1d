// Shows progress on the terminal; without one prints a line for each tenth.
import ora from 'ora';

const duration = (milliseconds) => {
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
};

export function startProgress() {
  const start = performance.now();
  // A terminal that does not tell its width, such as one made for a recording, counts as none.
  const terminal = process.stderr.isTTY && process.stderr.columns > 0;
  // Its own library does not look at NO_COLOR.
  const color = process.env.NO_COLOR ? false : 'cyan';
  const options = /** @type {const} */ ({ stream: process.stderr, discardStdin: false, color });
  const spinner = terminal ? ora(options).start() : null;
  let told = -1;
  return {
    /** @param {string} text @param {number} share */
    show: (text, share) => {
      const spent = performance.now() - start;
      const left = share > 0.02 ? ` · ${duration((spent / share) * (1 - share))} left` : '';
      const percent = `${Math.floor(share * 100)} %`;
      if (spinner !== null) {
        spinner.text = `${percent} · ${text}${left}`;
      } else if (Math.floor(share * 10) > told) {
        told = Math.floor(share * 10);
        process.stderr.write(`${percent} · ${text}${left}\n`);
      }
    },
    end: () => {
      spinner?.stop();
      process.stderr.write(`Measured in ${duration(performance.now() - start)}.\n`);
    },
  };
}
