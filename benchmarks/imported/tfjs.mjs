// What @vladmandic/human finds in images: node tfjs.mjs, in the folder of node_modules. Standard input is images of 512 x 512 pixels, a
// byte a channel; the answer is a list of objects for each: left, top, right, bottom, score, class. The settings are the package's own.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(`${process.cwd()}/`);
const tf = require('@tensorflow/tfjs-core');
require('@tensorflow/tfjs-backend-cpu');
const { loadGraphModel } = require('@tensorflow/tfjs-converter');

const [SIDE, MOST, OVERLAP, LEAST] = [512, 10, 0.4, 0.2];
const folder = 'node_modules/@vladmandic/human/models';
const { modelTopology, weightsManifest, signature } = JSON.parse(readFileSync(`${folder}/centernet.json`));
const weightData = new Uint8Array(readFileSync(`${folder}/centernet.bin`)).buffer;
const weightSpecs = weightsManifest.flatMap((group) => group.weights);
const model = await loadGraphModel({ load: async () => ({ modelTopology, weightSpecs, weightData, signature }) });

const pixels = new Uint8Array(readFileSync(0));
const images = tf.tensor4d(Float32Array.from(pixels), [pixels.length / (3 * SIDE * SIDE), SIDE, SIDE, 3]);
const found = [];
for (const image of tf.split(images, images.shape[0])) {
  const rows = tf.squeeze(model.execute(image, ['tower_0/detections']), [0]);
  const [boxes, scores] = tf.split(rows, [4, 2], 1);
  const kept = await tf.image.nonMaxSuppressionAsync(boxes, tf.reshape(tf.slice(scores, [0, 0], [-1, 1]), [-1]), MOST, OVERLAP, LEAST);
  found.push(await tf.gather(rows, kept).array());
}
console.log(JSON.stringify(found));
