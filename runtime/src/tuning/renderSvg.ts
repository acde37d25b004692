import type { View } from 'vega';
import type { TopLevelSpec } from 'vega-lite';

/**
 * A Vega-Lite specification drawn as SVG, without a browser. The libraries take a tenth of a
 * second to load, so they are loaded here.
 */
export async function renderSvg(specification: TopLevelSpec): Promise<string> {
  // One after the other: they share files, which module loaders of test runners stumble over.
  const vega = await import('vega');
  const lite = await import('vega-lite');
  const { spec } = lite.compile(specification, { config: { background: 'white' } });
  const view: View = new vega.View(vega.parse(spec), { renderer: 'none', logLevel: vega.Error });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
