import { speaker } from '../../i18n/words';

export const words = {
  title: ['我的网格', 'My grid'],
  notBound: ['这个密钥不限于某些网格，所以没有“我的网格”。请管理员用 key create --role worker --scope 网格编码 发放。', 'This key is limited to no grids, so none is yours. Ask for one made with key create --role worker --scope CODES.'],
  holds: ['在岗：{}（{}）', 'On duty: {} ({})'],
  nobody: ['无人在岗', 'Nobody on duty'],
  primary: ['网格员', 'Primary keeper'],
  backup: ['后备网格员', 'Backup keeper'],
  leader: ['网格长', 'Leader'],
  inside: ['我在网格里吗？', 'Am I inside?'],
  looking: ['正在定位…', 'Finding you…'],
  noPosition: ['没有得到位置。请允许定位，或点击地图上你所在的地方。', 'No position was given. Allow it, or tap where you are on the map.'],
  isInside: ['在网格内', 'You are inside'],
  isOutside: ['在网格外', 'You are outside'],
  isDoubt: ['离边界太近，说不准', 'Too close to the border to say'],
  toBorder: ['距边界 {}', '{} to the border'],
  wayHome: ['往{}走 {} 回到网格', 'Go {} for {} to be back'],
  roundAbout: ['四至', 'The border, in words'],
  sideWith: ['{}：与{}相邻，{}', '{}: along {}, {}'],
  tasks: ['在办案件（按步行顺序）', 'Open cases, in walking order'],
  walk: ['全程约 {}', 'about {} in all'],
  noTasks: ['没有任务', 'No tasks'],
  leg: ['走 {}', '{} on'],
  late: ['超期', 'Late'],
  report: ['上报', 'Report'],
  sent: ['已提交', 'Sent'],
  keptForLater: ['没有网络，已存在手机里，联网后自动提交。', 'No network: kept on this phone and sent when it is back.'],
  outbox: ['待提交 {} 项', '{} waiting to be sent'],
  refused: ['未被接受：{}', 'Not taken: {}'],
  discard: ['丢弃', 'Discard'],
  again: ['再试', 'Try again'],
  offline: ['离线：显示 {} 保存的数据', 'Offline: as kept {}'],
  noPhotos: ['本服务不收照片，请用文字写明。', 'This service takes no pictures: say it in words.'],
  N: ['北', 'north'],
  NE: ['东北', 'north-east'],
  E: ['东', 'east'],
  SE: ['东南', 'south-east'],
  S: ['南', 'south'],
  SW: ['西南', 'south-west'],
  W: ['西', 'west'],
  NW: ['西北', 'north-west'],
} as const;

export const t = speaker(words);

export function direction(name: string): string {
  return name in words ? t(name as 'N') : name;
}
